"""PSNR-Y of what a program makes of small pictures of high-resolution pictures."""

import statistics
from pathlib import Path

import numpy as np
from contest import Command, run
from PIL import Image

from upscaler.images import images_in, open_picture
from upscaler.quality.metrics import bicubic, modcrop, psnr_y


def shrink_all(folder: Path, scale: int, lows: Path) -> list[Path]:
    """Shrink every picture of a folder as the papers do; return the small ones."""
    lows.mkdir(parents=True)
    for path in images_in(folder):
        small = bicubic(modcrop(open_picture(path).rgb, scale), 1 / scale)
        Image.fromarray(small).save(lows / f"{path.stem}.png")
    return sorted(lows.iterdir())


def mean_psnr(command: Command, folder: Path, lows: list[Path], scale: int, scratch: Path) -> float:
    """Return the mean PSNR-Y in dB over a folder of high-resolution pictures.

    Raises:
        Missing: the program fails on one of the small pictures.
    """
    _, output = run(command, lows, scale, scratch)
    truths = {path.stem: path for path in images_in(folder)}
    scores = []
    for low in lows:
        truth = modcrop(open_picture(truths[low.stem]).rgb, scale)
        made = np.ascontiguousarray(open_picture(output / f"{low.stem}.png").rgb)
        scores.append(psnr_y(made, truth, scale))
    return statistics.mean(scores)
