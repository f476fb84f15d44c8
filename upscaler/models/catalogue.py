"""The packaged models, and any other ONNX file that a person names."""

from functools import lru_cache
from pathlib import Path

from upscaler.errors import ModelError
from upscaler.models.model import Model, metadata_of, read_model
from upscaler.models.packaged import FOLDER, packaged_model
from upscaler.models.spec import METADATA_KEY, ModelSpec

AUTO = "auto"
"""Looks at each picture; see `models.auto`."""

DEFAULT_MODEL = AUTO

CLEAN_MODEL = "balanced"
"""What it takes for clean pictures, and the default of what is about a single network."""

RESTORERS = {CLEAN_MODEL: "photo"}
"""By the name of a clean model, the packaged one that undoes damage and started from its weights:
only so is there a network between them."""

DEFAULT_SCALE = 4


def find_model(name: str, scale: float, restore: float | None = None) -> Model:
    """Return a packaged model by its name, `auto`, or any model by the path of its ONNX file.

    Args:
        scale: how many times larger it shall make pictures at least; of several, the smallest
            is taken.
        restore: where between a clean model, 0, and its restorer, 1; None for
            the model that was named.

    Raises:
        ModelError: there is none of that name, or only for smaller scales.
        UsageError, RuntimeUnavailable: see `mix.mixed`.
    """
    if name == AUTO:
        from upscaler.models.auto import auto_model  # `--help` is instant

        if restore is None:
            return auto_model(scale)
        name = CLEAN_MODEL  # who says how much leaves nothing to look for
    model = _find(name, scale)
    if restore is None:
        return model
    from upscaler.models.mix import mixed  # which needs numpy and onnx: `--help` is instant

    # a title or a path names one scale, a bare name any that is large enough
    return mixed(model, restore, scale if name == model.spec.name else model.spec.scale)


def _find(name: str, scale: float) -> Model:
    if Path(name).suffix == ".onnx":
        model = read_custom(Path(name))
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
    return packaged_model(name, scale)


def read_custom(path: Path) -> Model:
    """Read any ONNX file that a person names; what does not come with the program is tried first.

    Raises:
        ModelError: the file is missing, is not ONNX or does not enlarge RGB pictures.
    """
    if path.resolve().parent == FOLDER.resolve():
        return read_model(path)
    description = metadata_of(path).get(METADATA_KEY)
    data = _data_files(_stamped(path))
    return _tried(_stamped(path), tuple(map(_stamped, data)), description)


_Stamped = tuple[Path, int, int]
"""A file, its size in bytes, and when it changed in nanoseconds."""


def _stamped(path: Path) -> _Stamped:
    facts = path.stat()
    return path, facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=8)
def _data_files(model: _Stamped) -> list[Path]:
    from upscaler.models import custom

    return custom.data_files(model[0])


@lru_cache(maxsize=8)
def _tried(model: _Stamped, data: tuple[_Stamped, ...], description: str | None) -> Model:
    from upscaler.models import custom

    path, files = model[0], tuple(item[0] for item in data)
    if description is None:
        return Model(path, custom.inspect(path), files)
    spec = ModelSpec.from_json(description)
    if spec.precision == "fp32":
        custom.check(path, spec)
    return Model(path, spec, files)
