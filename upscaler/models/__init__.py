"""The packaged models, and any other ONNX file that carries a ModelSpec."""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from upscaler.errors import ModelError, RuntimeUnavailable
from upscaler.models.metadata import read_metadata
from upscaler.spec import METADATA_KEY, ModelSpec

if TYPE_CHECKING:
    import onnx

FOLDER = Path(__file__).parent

_SUFFIXES = {"int8": ".int8.onnx", "fp16": ".fp16-u8.onnx"}
"""Of the files beside the one in fp32; bf16 is made from that one when it is loaded."""

DEFAULT_MODEL = "balanced"
DEFAULT_SCALE = 4


@dataclass(frozen=True)
class Model:
    """An ONNX file and what it says of itself."""

    path: Path
    spec: ModelSpec
    data: tuple[Path, ...] = ()
    """Further files that hold weights of it."""
    restore: float | None = None
    """How far it lies between a clean model and its sibling; None for a model as it is."""

    @property
    def title(self) -> str:
        """What it is called: `fast-x4`."""
        return self.spec.title

    def source(self, precision: str) -> Path | bytes:
        """Return what a runtime loads to run in a precision: an ONNX file, or the content of one.

        Here it is this file, or one beside it.

        Raises:
            RuntimeUnavailable: there is none, or it holds other weights.
        """
        if precision not in _SUFFIXES:
            return self.path
        path = self.path.with_suffix(_SUFFIXES[precision])
        if not path.is_file():
            raise RuntimeUnavailable(f"there is no {path.name}; make it with `upscaler export`")
        other = read_model(path).spec
        if (other.precision, other.weights_sha256) != (precision, self.spec.weights_sha256):
            raise RuntimeUnavailable(f"{path.name} holds other weights; export it again")
        return path

    def load(self, precision: str) -> "onnx.ModelProto":
        """Return what `source` names as the ONNX library reads it, with all weights."""
        import onnx

        source = self.source(precision)
        return onnx.load_from_string(source) if isinstance(source, bytes) else onnx.load(source)

    @cached_property
    def sha256(self) -> str:
        """Of the whole file and those with its weights, in hexadecimal."""
        digest = hashlib.sha256(self.path.read_bytes())
        for path in self.data:
            digest.update(path.read_bytes())
        return digest.hexdigest()


def packaged() -> list[Model]:
    """Return the models that come with the program, by scale and name."""
    models = [read_model(path) for path in FOLDER.glob("*-x?.onnx")]
    return sorted(models, key=lambda model: (model.spec.name, model.spec.scale))


def find(name: str, scale: float, restore: float | None = None) -> Model:
    """Return a packaged model by its name, or any model by the path of its ONNX file.

    Args:
        scale: how many times larger it shall make pictures at least; of several, the smallest
            is taken.
        restore: where between a clean model, 0, and its sibling that undoes damage, 1; None for
            the model that was named.

    Raises:
        ModelError: there is none of that name, or only for smaller scales.
        UsageError, RuntimeUnavailable: see `mix.mixed`.
    """
    model = _find(name, scale)
    if restore is None:
        return model
    from upscaler.models.mix import mixed

    # a title or a path names one scale, a bare name any that is large enough
    return mixed(model, restore, scale if name == model.spec.name else model.spec.scale)


def _find(name: str, scale: float) -> Model:
    if Path(name).suffix == ".onnx":
        model = read_foreign(Path(name))
        if model.spec.precision != "fp32":
            raise ModelError(
                f"{name} is the {model.spec.precision} half of a model; give the file without "
                f".{model.spec.precision}, and --precision {model.spec.precision}"
            )
        if model.spec.scale < scale:
            raise ModelError(
                f"{name} enlarges {model.spec.scale} times, not {scale:g}; "
                f"add --scale {model.spec.scale}"
            )
        return model
    models = packaged()
    for model in models:  # by scale
        if name in (model.spec.name, model.spec.title) and model.spec.scale >= scale:
            return model
    known = ", ".join(model.spec.title for model in models) or "none"
    raise ModelError(
        f"no model {name} for scale {scale:g}; there are: {known}, or give the path of an .onnx"
    )


def read_model(path: Path) -> Model:
    """Read what an ONNX file of ours says of itself, without loading its weights.

    Raises:
        ModelError: the file is missing, is not ONNX or carries no ModelSpec.
    """
    metadata = _metadata(path)
    if METADATA_KEY not in metadata:
        raise ModelError(f"{path} carries no description of itself; make it with `upscaler export`")
    return Model(path, ModelSpec.from_json(metadata[METADATA_KEY]))


def read_foreign(path: Path) -> Model:
    """Read any ONNX file that a person names; what does not come with the program is tried first.

    Raises:
        ModelError: the file is missing, is not ONNX or does not enlarge RGB pictures.
    """
    if path.resolve().parent == FOLDER.resolve():
        return read_model(path)
    said = _metadata(path).get(METADATA_KEY)
    data = _data_files(_stamped(path))
    return _tried(_stamped(path), tuple(map(_stamped, data)), said)


_Stamped = tuple[Path, int, int]
"""A file, its size in bytes, and when it changed in nanoseconds."""


def _stamped(path: Path) -> _Stamped:
    facts = path.stat()
    return path, facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=8)
def _data_files(model: _Stamped) -> list[Path]:
    from upscaler.models import foreign

    return foreign.data_files(model[0])


@lru_cache(maxsize=8)
def _tried(model: _Stamped, data: tuple[_Stamped, ...], said: str | None) -> Model:
    from upscaler.models import foreign

    path, files = model[0], tuple(item[0] for item in data)
    if said is None:
        return Model(path, foreign.describe(path), files)
    spec = ModelSpec.from_json(said)
    if spec.precision == "fp32":
        foreign.check(path, spec)
    return Model(path, spec, files)


def _metadata(path: Path) -> dict[str, str]:
    try:
        return read_metadata(path.read_bytes())
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}") from None
    except ValueError as error:
        raise ModelError(f"{path} is not an ONNX file ({error})") from None
