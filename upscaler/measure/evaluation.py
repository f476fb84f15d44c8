"""Measuring a model on folders of high-resolution images, as the papers do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from upscaler.errors import ImageError, UsageError
from upscaler.images import Picture, images_in, open_reference
from upscaler.quality.degradation import Degradation
from upscaler.quality.metrics import SSIM_WINDOW, Image, bicubic, modcrop, psnr_y, ssim_y
from upscaler.upscaler import Upscaler


@dataclass(frozen=True)
class Score:
    """One picture, or the mean of many: ours against bicubic."""

    name: str
    psnr: float
    """PSNR-Y in dB."""
    bicubic_psnr: float
    ssim: float | None
    """Of the luma; None where every picture is smaller than SSIM's window."""
    bicubic_ssim: float | None
    colour_shift: float
    """How far, of 255, the mean of the worst channel moved from the small picture's."""
    files: int = 1
    below_bicubic: int = 0
    """How many pictures bicubic did better, by PSNR."""


def evaluate(
    upscaler: Upscaler, folder: Path, degradations: Sequence[Degradation] = ()
) -> Iterator[Score]:
    """Shrink every image of a folder by antialiased bicubic, enlarge it again, and compare.

    Args:
        degradations: what the small pictures go through, in this order, before they are enlarged.

    Raises:
        UsageError: there is no image in the folder, or one that cannot be read or measured.
    """
    paths = images_in(folder)
    if not paths:
        raise UsageError(f"no images in {folder}; give a folder of high-resolution pictures")
    return (_score(upscaler, path, degradations) for path in paths)


def mean(name: str, scores: Sequence[Score]) -> Score:
    """Return the mean over pictures, as the papers report a set."""
    return Score(
        name=name,
        psnr=float(np.mean([score.psnr for score in scores])),
        bicubic_psnr=float(np.mean([score.bicubic_psnr for score in scores])),
        ssim=_mean_of_some([score.ssim for score in scores]),
        bicubic_ssim=_mean_of_some([score.bicubic_ssim for score in scores]),
        colour_shift=float(np.mean([score.colour_shift for score in scores])),
        files=len(scores),
        below_bicubic=sum(score.below_bicubic for score in scores),
    )


def _mean_of_some(values: list[float | None]) -> float | None:
    some = [value for value in values if value is not None]
    return float(np.mean(some)) if some else None


def _score(upscaler: Upscaler, path: Path, degradations: Sequence[Degradation]) -> Score:
    scale = round(upscaler.size.scale)
    truth = modcrop(open_reference(path), scale)
    inside = min(truth.shape[:2]) - 2 * scale
    if inside < 1:
        raise UsageError(f"{path} is too small to be measured at scale {scale}; take it out")
    low = bicubic(truth, 1 / scale)
    for degradation in degradations:
        low = degradation(low)
    try:
        ours = upscaler.enlarge(Picture(colour=low)).colour
    except ImageError as error:
        raise UsageError(f"{path}: {error}; take it out") from None
    cubic = bicubic(low, scale)
    psnr, bicubic_psnr = psnr_y(ours, truth, scale), psnr_y(cubic, truth, scale)
    large_enough = inside >= SSIM_WINDOW
    return Score(
        name=path.name,
        psnr=psnr,
        bicubic_psnr=bicubic_psnr,
        ssim=ssim_y(ours, truth, scale) if large_enough else None,
        bicubic_ssim=ssim_y(cubic, truth, scale) if large_enough else None,
        colour_shift=_colour_shift(ours, low),
        below_bicubic=int(psnr < bicubic_psnr),
    )


def _colour_shift(large: Image, small: Image) -> float:
    return float(np.abs(large.mean(axis=(0, 1)) - small.mean(axis=(0, 1))).max())
