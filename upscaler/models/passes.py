"""Factors that no packaged network makes: in two passes, the first one the largest."""

from upscaler.errors import ModelError
from upscaler.models.catalogue import RESTORERS
from upscaler.models.chain import chain_of
from upscaler.models.model import Model
from upscaler.models.packaged import packaged_model, packaged_models

_CLEAN = {restorer: clean for clean, restorer in RESTORERS.items()}


def in_passes(name: str, scale: float) -> Model:
    """Return a packaged model, or two of them one after the other where one is not enough.

    What a restorer has made has no damage any more, so the second pass of one is its clean model.

    Args:
        name: as for `packaged_model`; a title such as fast-x4 names one network alone.
        scale: how many times larger they shall make pictures at least.

    Raises:
        ModelError: there is none of that name, or two passes are not enough.
    """
    scales = [model.spec.scale for model in packaged_models() if model.spec.name == name]
    if not scales or scale <= max(scales):
        return packaged_model(name, scale)
    largest, clean = max(scales), _CLEAN.get(name, name)
    try:
        second = packaged_model(clean, scale / largest)
    except ModelError:
        most = largest * max(m.spec.scale for m in packaged_models() if m.spec.name == clean)
        raise ModelError(f"{name} enlarges up to {most} times, not {scale:g}") from None
    return chain_of([packaged_model(name, largest), second])
