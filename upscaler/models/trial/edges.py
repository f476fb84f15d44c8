"""How far the cut of a tile is seen, measured: small pictures, whole and with one end cut off.

On noise and on three photographs. The largest difference at each distance from the cut says how
wide a halo has to be, whatever a graph may say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler.models.grid import round_up
from upscaler.models.trial.session import Batch, Session

HALOS = (16, 24, 32, 48, 64, 96, 128)
"""Pixels; what is tried."""

SMALL = 64
"""The largest that is tried at first: beyond it the pictures are twice as large."""

ENOUGH = 0.5
"""Of 255: no difference is larger at the distance of a measured halo."""

TOLERABLE = 2.0
"""Of 255: where to try farther would take longer than WORK."""

WORK = 6.0
"""Seconds of one core for all pictures up to SMALL; a network that takes longer sees fewer."""

OVERLAP = 32
"""Pixels that tiles have in common where no halo suffices; the inner half of it is blended."""

_CUT, _ACROSS, _BEYOND = 12, 32, 4
"""Pixels: what is cut off, how wide the pictures are, and what is seen beyond the largest halo."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Edges:
    """What the ends that were cut off had changed."""

    lines: Floats
    """Differences, of 255: (distance from the cut in output pixels, all pixels there)."""
    scale: int

    def beyond(self, halo: int) -> float:
        """Return the largest difference at that distance and farther, of 255."""
        return float(np.abs(self.lines[halo * self.scale :]).max())

    def blended(self, overlap: int) -> tuple[float, float]:
        """Return what is left, of 255, where tiles are blended over half their overlap: the largest
        difference from the whole, and the mean step between two lines of pixels.
        """
        start, stop = overlap // 4 * self.scale, 3 * overlap // 4 * self.scale
        ramp = (np.arange(stop - start, dtype=np.float32) + 0.5) / (stop - start)
        weights = np.ones(len(self.lines), np.float32)
        weights[:start], weights[start:stop] = 0, ramp
        left = weights[:, None] * self.lines
        steps = np.abs(np.diff(left[start - 1 : stop + 1], axis=0)).mean(axis=1)
        return float(np.abs(left).max()), float(steps.max())


def measure(run: Session, alignment: int, farthest: int) -> Edges:
    """Return what the cuts change up to a distance in pixels, and a little farther.

    Where it would take longer than WORK the pictures are half as wide, and each is cut along one
    axis, not along both.
    """
    cut, depth, across = _sizes(alignment, farthest)
    heavy = run.seconds_per_pixel * work(alignment, farthest) > WORK
    if heavy:
        across = round_up(across // 2, alignment)
    found = []
    for number, picture in enumerate(_pictures(cut + depth, across)):
        for axis in (number % 2,) if heavy else (0, 1):
            whole = np.ascontiguousarray(picture if axis == 0 else np.swapaxes(picture, 2, 3))
            part = np.ascontiguousarray(np.split(whole, [cut], 2 + axis)[1])
            found.append(_difference(run, whole, part, axis))
    scale = run.scale or 1
    return Edges(255 * np.concatenate(found, axis=1), scale)


def work(alignment: int, farthest: int) -> int:
    """Return the pixels of all pictures, with each cut along both axes."""
    cut, depth, across = _sizes(alignment, farthest)
    return 8 * across * (cut + 2 * depth)


def _sizes(alignment: int, farthest: int) -> tuple[int, int, int]:
    """Return what is cut off, what is left and how wide it is, all multiples of the alignment."""
    depth = round_up(round_up(farthest, alignment) + _BEYOND, alignment)
    return round_up(_CUT, alignment), depth, round_up(_ACROSS, alignment)


def measure_fixed(run: Session, size: tuple[int, int]) -> Edges:
    """Return in what two tiles of a fixed size differ where they overlap."""
    height, width = size
    found = []
    for picture in _pictures(2 * height - OVERLAP, width):
        first, second = picture[:, :, :height], picture[:, :, height - OVERLAP :]
        upper, lower = run(np.ascontiguousarray(first)), run(np.ascontiguousarray(second))
        shared, seen = (part * (run.scale or 1) for part in (OVERLAP, 3 * OVERLAP // 4))
        upper, lower = upper[0, :, -shared:].clip(0, 1), lower[0].clip(0, 1)
        difference = lower[:, :seen] - upper[:, :seen]  # what is farther is the lower tile's alone
        found.append(_by_distance(difference, 0))
    return Edges(255 * np.concatenate(found, axis=1), run.scale or 1)


def _difference(run: Session, whole: Batch, part: Batch, axis: int) -> Floats:
    large, small = run(whole)[0].clip(0, 1), run(part)[0].clip(0, 1)
    far = np.split(large, [large.shape[1 + axis] - small.shape[1 + axis]], 1 + axis)[1]
    return _by_distance(small - far, axis)


def _by_distance(difference: Floats, axis: int) -> Floats:
    lines: Floats = np.moveaxis(difference, 1 + axis, 0)
    return lines.reshape(len(lines), -1)


def _pictures(height: int, width: int) -> Iterator[Batch]:
    """Yield noise and three photographs, float32 (1, 3, height, width) in [0, 1]."""
    yield np.random.default_rng(0).random((1, 3, height, width), np.float32)
    for photograph in photographs():
        down, right = (
            max(0, size - have)
            for size, have in zip((height, width), photograph.shape[2:], strict=True)
        )
        padded = np.pad(photograph, ((0, 0), (0, 0), (0, down), (0, right)), mode="symmetric")
        left = (padded.shape[3] - width) // 2
        yield padded[:, :, :height, left : left + width]


@cache
def photographs() -> list[Batch]:
    """Return the three photographs that come with the program, float32 (1, 3, 160, 160)."""
    with Image.open(Path(__file__).with_name("pictures.webp")) as image:
        pixels = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
    side = pixels.shape[0]
    return [part.transpose(2, 0, 1)[None] for part in np.split(pixels, pixels.shape[1] // side, 1)]
