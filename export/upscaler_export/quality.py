"""What an exported model scores on real pictures, in full and in reduced precision."""

import logging
from collections.abc import Sequence
from pathlib import Path

from upscaler.errors import HardwareMissing, RuntimeUnavailable, UsageError
from upscaler.measure.evaluation import evaluate, mean
from upscaler.quality.degradation import Degradation
from upscaler.runtimes import RUNTIMES, precisions_of
from upscaler.upscaler import Upscaler

_LOG = logging.getLogger(__name__)

_Set = tuple[Path, Sequence[Degradation]]


def measure(
    model: Path, scale: int, folders: list[Path], degradations: Sequence[Degradation] = ()
) -> tuple[dict[str, float], dict[str, float]]:
    """Score a model file on folders of high-resolution images.

    Args:
        degradations: what the small pictures go through; each folder is scored without them
            and with each of them.

    Returns:
        (quality, loss): the mean PSNR-Y in dB in fp32 by folder name (`Set5`, `Set5 jpeg:75`),
        and by precision how much of it is lost at most on any folder. Precisions this machine
        lacks are left out.
    """
    if len({folder.name for folder in folders}) < len(folders):
        raise UsageError("two folders to score have the same name; the card could not tell them")
    exact = Upscaler(str(model), scale=scale, precision="fp32")
    sets: dict[str, _Set] = {folder.name: (folder, ()) for folder in folders}
    for degradation in degradations:
        sets |= {f"{folder.name} {degradation}": (folder, (degradation,)) for folder in folders}
    quality = {name: _psnr(exact, *taken) for name, taken in sets.items()}
    loss = {"fp32": 0.0}
    for precision, runtime in _reduced_precisions().items():
        try:
            reduced = Upscaler(str(model), scale=scale, runtime=runtime, precision=precision)
        except RuntimeUnavailable:  # there is no file for it
            continue
        losses = [quality[name] - _psnr(reduced, *taken) for name, taken in sets.items()]
        loss[precision] = round(max(losses), 4)
    return {name: round(value, 3) for name, value in quality.items()}, loss


def _psnr(upscaler: Upscaler, folder: Path, degradations: Sequence[Degradation]) -> float:
    return mean(folder.name, list(evaluate(upscaler, folder, degradations))).psnr


def _reduced_precisions() -> dict[str, str]:
    """Return the precisions below fp32 that run here, each with the runtime that has it."""
    found: dict[str, str] = {}
    for name in RUNTIMES:
        try:
            offered = precisions_of(name)
        except HardwareMissing:
            continue
        except RuntimeUnavailable as error:
            _LOG.warning("not scored on %s: %s", name, error)
            continue
        for precision in offered:
            if precision != "fp32":
                found.setdefault(precision, name)
    return found
