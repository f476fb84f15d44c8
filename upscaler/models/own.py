"""The models that a person has added: copies of their files, each in a folder of its own name.

They lie in the platform's data folder, which a cleaner of caches leaves alone.
"""

import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from upscaler.errors import ModelError, OutputError
from upscaler.hardware import system
from upscaler.hardware.folders import private
from upscaler.models.catalogue import read_custom, refuse_half
from upscaler.models.model import Model
from upscaler.models.packaged import packaged_models

_ABOUT = "about.json"


@dataclass(frozen=True)
class OwnModel:
    """A model that was added."""

    name: str
    """What `--model` takes."""
    path: Path
    licence: str
    """Of its weights, as the person who added it states it; empty if nobody did."""

    def open(self) -> Model:
        """Return the model; raises ModelError if it cannot be used any more."""
        model = read_custom(self.path)
        return replace(model, spec=replace(model.spec, name=self.name, licence=self.licence))


def own_folder() -> Path:
    """Return where they lie."""
    return Path(platformdirs.user_data_dir("upscaler")) / "models"


def own_models() -> list[OwnModel]:
    """Return the models that were added, by name."""
    found = (own_model(path.name) for path in sorted(own_folder().glob("*/")))
    return [model for model in found if model is not None]


def own_model(name: str) -> OwnModel | None:
    """Return a model that was added by its name, or None."""
    if name != Path(name).name or name.startswith("."):
        return None
    folder = own_folder() / name
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return OwnModel(name, folder / Path(about["file"]).name, str(about["licence"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def add(file: Path, name: str | None = None, licence: str = "") -> OwnModel:
    """Try a model, copy its file, and return it.

    Raises:
        ModelError: the file is no model that can be used, or its name is taken.
        OutputError: it cannot be copied.
    """
    name = name or file.stem
    taken = {text for model in packaged_models() for text in (model.spec.name, model.title)}
    one_word = name == Path(name).name and name.split() == [name] and name[0] not in ".-"
    if name in taken or not one_word or Path(name).suffix:
        raise ModelError(f"no model can be called {name}; give another --name, of one word")
    if own_model(name) is not None:
        raise ModelError(f"there is a model {name} already; upscaler models remove {name}")
    model = read_custom(file)
    refuse_half(str(file), model)
    folder = private(own_folder())
    draft = folder / f".{name}.{os.getpid()}"
    try:
        draft.mkdir(mode=0o700)
        for source in (file, *model.data):
            target = draft / source.relative_to(file.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        about = json.dumps({"file": file.name, "licence": licence})
        (draft / _ABOUT).write_text(about, encoding="utf-8")
        system.replace(draft, folder / name)
    except OSError as error:
        raise OutputError(f"cannot add {name} to {folder}: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return OwnModel(name, folder / name / file.name, licence)


def remove(name: str) -> None:
    """Remove a model that was added.

    Raises:
        ModelError: there is none of that name.
        OutputError: it cannot be removed.
    """
    known = own_model(name)
    if known is None:
        names = ", ".join(model.name for model in own_models()) or "none"
        raise ModelError(f"no model {name} was added; there are: {names}")
    try:
        shutil.rmtree(known.path.parent)
    except OSError as error:
        raise OutputError(f"cannot remove {known.path.parent}: {error.strerror}") from None
