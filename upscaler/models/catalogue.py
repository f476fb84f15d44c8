"""The packaged models, and any other file that a person names."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from upscaler.errors import ModelError, UsageError
from upscaler.models.model import Model, metadata_of, read_model
from upscaler.models.packaged import FOLDER, packaged_model, packaged_models
from upscaler.models.spec import METADATA_KEY

AUTO = "auto"
"""Looks at each picture; see `models.auto`."""

DEFAULT_MODEL = AUTO

CLEAN_MODEL = "balanced"
"""What it takes for clean pictures, and the default of what is about a single network."""

RESTORERS = {CLEAN_MODEL: "photo"}
"""By the name of a clean model, the packaged one that undoes damage and started from its weights:
only so is there a network between them."""

DEFAULT_SCALE = 4

_MOST = 16
"""How many times larger a packaged model makes pictures at most, in two passes."""

WEIGHTS = (".pth", ".pt", ".ckpt", ".safetensors")
"""What files of weights are called, which are turned into ONNX first (see `conversion.py`)."""


def default_scale(names: str | Sequence[str], *, sided: bool = False) -> int:
    """Return how many times larger a model, or a chain, makes pictures where nobody says so.

    A file has a scale of its own, and a title such as `fast-x2` says one.

    Args:
        sided: whether a side in pixels is asked for. Then it is the most that a picture may need.

    Raises:
        ModelError: a file cannot be used.
    """
    given = [names] if isinstance(names, str) else list(names)
    if sided and _follows_need(given):
        return _MOST
    scales = [_own_scale(name) for name in given]
    return DEFAULT_SCALE if None in scales else math.prod(filter(None, scales))


def _follows_need(names: Sequence[str]) -> bool:
    """Whether each picture may go through another network of one name."""
    packaged = (model.spec.name for model in packaged_models())
    return len(names) == 1 and (
        names[0] == AUTO or (_from_outside(names[0]) is None and names[0] in packaged)
    )


def _own_scale(name: str) -> int | None:
    model = _from_outside(name)
    if model is not None:
        return model.spec.scale
    titled = (packaged.spec.scale for packaged in packaged_models() if packaged.title == name)
    return next(titled, None)


def find_model(name: str, scale: float, restore: float | None = None) -> Model:
    """Return a packaged model by its name, `auto`, or any model by the path of its file.

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


def find_models(
    names: str | Sequence[str],
    scale: float,
    restore: float | None = None,
    *,
    sided: bool = False,
) -> Model:
    """Return one model as `find_model` does, or several as a chain, one after the other.

    Args:
        scale: how many times larger they shall make pictures at least, all together. A file has
            one scale; what is left of it is for the packaged models, the last one first.
        sided: whether a side in pixels is asked for. Of one packaged model each picture then goes
            through the network of the least scale that does, at most `scale`.

    Raises:
        UsageError: there is no name, or several and a place between a model and its restorer.
        ModelError: see `find_model`; or all together enlarge less than that.
    """
    given = [names] if isinstance(names, str) else list(names)
    if sided and _follows_need(given):
        from upscaler.models.by_need import by_need

        return by_need(given[0], scale, restore)
    if len(given) == 1:
        return find_model(given[0], scale, restore)
    if not given:
        raise UsageError("no model is named")
    if restore is not None:
        raise UsageError("--restore goes with one --model, not with several")
    if AUTO in given:
        raise UsageError(f"{AUTO} goes alone; name a model beside others, such as {CLEAN_MODEL}")
    from upscaler.models.chain import chain_of

    files = {name: model for name in given if (model := _from_outside(name)) is not None}
    left = scale / math.prod(files[name].spec.scale for name in given if name in files)
    members: list[Model] = []
    for name in reversed(given):
        model = files.get(name) or packaged_model(name, max(1, left))
        left = left if name in files else left / model.spec.scale
        members.insert(0, model)
    chain = chain_of(members)
    if chain.spec.scale < scale:
        raise ModelError(
            f"{chain.title} enlarge {chain.spec.scale} times, not {scale:g}; "
            f"add --scale {chain.spec.scale}"
        )
    return chain


def _find(name: str, scale: float) -> Model:
    model = _from_outside(name)
    if model is None:
        from upscaler.models.passes import in_passes  # which knows the names above

        return in_passes(name, scale)
    refuse_half(name, model)
    if model.spec.scale < scale:
        raise ModelError(
            f"{name} enlarges {model.spec.scale} times, not {scale:g}; "
            f"add --scale {model.spec.scale}"
        )
    return model


def refuse_half(name: str, model: Model) -> None:
    """Raise ModelError for a file of lower precision, which goes with one of full precision."""
    precision = model.spec.precision
    if precision != "fp32":
        raise ModelError(
            f"{name} is the {precision} half of a model; give the file without .{precision}, "
            f"and --precision {precision}"
        )


def _from_outside(name: str) -> Model | None:
    """Return a model by the path of its file, or by the name under which it was added."""
    if Path(name).suffix.lower() in (".onnx", *WEIGHTS):
        return read_custom(Path(name))
    from upscaler.models.own import own_model  # which reads models by this module

    added = own_model(name)
    return None if added is None else added.open()


def read_custom(path: Path) -> Model:
    """Read any file that a person names; what does not come with the program is tried first.

    Raises:
        ModelError: the file is missing, is no model or does not enlarge pictures.
    """
    if path.suffix.lower() in WEIGHTS:
        return _from_weights(_stamped(path))
    if path.resolve().parent == FOLDER.resolve():
        return read_model(path)
    description = metadata_of(path).get(METADATA_KEY)
    data = _data_files(_stamped(path))
    return _tried(_stamped(path), tuple(map(_stamped, data)), description)


_Stamped = tuple[Path, int, int]
"""A file, its size in bytes, and when it changed in nanoseconds."""


def _stamped(path: Path) -> _Stamped:
    try:
        facts = path.stat()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}") from None
    return path, facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=8)
def _from_weights(weights: _Stamped) -> Model:
    from upscaler.models import conversion

    return conversion.open_weights(weights[0])


@lru_cache(maxsize=8)
def _data_files(model: _Stamped) -> list[Path]:
    from upscaler.models import custom

    return custom.data_files(model[0])


@lru_cache(maxsize=8)
def _tried(model: _Stamped, data: tuple[_Stamped, ...], description: str | None) -> Model:
    from upscaler.models import custom

    return custom.open_model(model[0], tuple(item[0] for item in data), description)
