"""Measuring a model on folders of high-resolution images, as the papers do."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from upscaler.errors import ImageError, UsageError
from upscaler.images import Picture, format_of, open_picture
from upscaler.metrics import SSIM_WINDOW, bicubic, modcrop, psnr_y, ssim_y
from upscaler.upscaler import Upscaler


@dataclass(frozen=True)
class Score:
    """One picture, or the mean of many: ours against bicubic."""

    name: str
    psnr: float
    """PSNR-Y in dB."""
    ssim: float | None
    """None where every picture is smaller than SSIM's window."""
    bicubic_psnr: float
    files: int = 1
    below_bicubic: int = 0
    """How many pictures bicubic did better, by PSNR."""


def evaluate(upscaler: Upscaler, folder: Path) -> Score:
    """Shrink every image of a folder by antialiased bicubic, enlarge it again, and compare.

    Raises:
        UsageError: there is no image in the folder, or one that cannot be read or measured.
    """
    paths = sorted(path for path in folder.iterdir() if path.is_file() and format_of(path))
    if not paths:
        raise UsageError(f"no images in {folder}; give a folder of high-resolution pictures")
    scores = [_score(upscaler, path) for path in paths]
    ssims = [score.ssim for score in scores if score.ssim is not None]
    return Score(
        name=folder.name,
        psnr=float(np.mean([score.psnr for score in scores])),
        ssim=float(np.mean(ssims)) if ssims else None,
        bicubic_psnr=float(np.mean([score.bicubic_psnr for score in scores])),
        files=len(scores),
        below_bicubic=sum(score.psnr < score.bicubic_psnr for score in scores),
    )


def _score(upscaler: Upscaler, path: Path) -> Score:
    scale = upscaler.scale
    try:
        truth = modcrop(open_picture(path).rgb, scale)
    except ImageError as error:
        raise UsageError(f"{path}: {error}; take it out") from None
    inside = min(truth.shape[:2]) - 2 * scale
    if inside < 1:
        raise UsageError(f"{path} is too small to be measured at scale {scale}; take it out")
    low = bicubic(truth, 1 / scale)
    ours = upscaler.enlarge(Picture(colour=low)).colour
    return Score(
        name=path.name,
        psnr=psnr_y(ours, truth, scale),
        ssim=ssim_y(ours, truth, scale) if inside >= SSIM_WINDOW else None,
        bicubic_psnr=psnr_y(bicubic(low, scale), truth, scale),
    )
