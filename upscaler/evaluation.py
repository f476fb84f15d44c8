"""Measuring a model on folders of high-resolution images, as the papers do."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from upscaler.errors import UsageError
from upscaler.images import Picture, format_of, open_picture
from upscaler.metrics import Image, bicubic, modcrop, psnr_y, ssim_y
from upscaler.upscaler import Upscaler


@dataclass(frozen=True)
class Score:
    """One picture, or the mean of many: ours against bicubic."""

    name: str
    psnr: float
    """PSNR-Y in dB."""
    ssim: float
    """NaN for pictures smaller than SSIM's window."""
    bicubic_psnr: float
    files: int = 1
    below_bicubic: int = 0
    """How many pictures bicubic did better, by PSNR."""


def evaluate(upscaler: Upscaler, folder: Path) -> Score:
    """Shrink every image of a folder by antialiased bicubic, enlarge it again, and compare.

    Raises:
        UsageError: there is no image in the folder.
        ImageError: one of them cannot be read.
    """
    scores = list(scores_of(upscaler, folder))
    if not scores:
        raise UsageError(f"no images in {folder}; give a folder of high-resolution pictures")
    return Score(
        name=folder.name,
        psnr=float(np.mean([score.psnr for score in scores])),
        ssim=float(np.nanmean([score.ssim for score in scores])),
        bicubic_psnr=float(np.mean([score.bicubic_psnr for score in scores])),
        files=len(scores),
        below_bicubic=sum(score.psnr < score.bicubic_psnr for score in scores),
    )


def scores_of(upscaler: Upscaler, folder: Path) -> Iterator[Score]:
    """Yield the score of each image of a folder, in the order of their names."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and format_of(path):
            yield _score(upscaler, path)


def _score(upscaler: Upscaler, path: Path) -> Score:
    scale = upscaler.scale
    truth = modcrop(_rgb(open_picture(path)), scale)
    low = bicubic(truth, 1 / scale)
    ours = upscaler.enlarge(Picture(colour=low)).colour
    large_enough = min(truth.shape[:2]) - 2 * scale >= 11
    return Score(
        name=path.name,
        psnr=psnr_y(ours, truth, scale),
        ssim=ssim_y(ours, truth, scale) if large_enough else float("nan"),
        bicubic_psnr=psnr_y(bicubic(low, scale), truth, scale),
    )


def _rgb(picture: Picture) -> Image:
    return np.repeat(picture.colour, 3, axis=2) if picture.colour.shape[2] == 1 else picture.colour
