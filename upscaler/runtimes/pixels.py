"""Between pixels and what networks compute on: where all values are scaled and rounded."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from upscaler.models.spec import TOTAL

Batch = NDArray[np.float32]
Pixels = NDArray[np.uint8]


class BrokenTile(ArithmeticError):
    """What came out are no numbers."""


def to_batch(pixels: NDArray[Any]) -> Batch:
    """Return uint8 or uint16 pixels (N, H, W, 1 or 3) as float32 (N, 3, H, W) in [0, 1]."""
    channels = pixels.transpose(0, 3, 1, 2)
    batch = np.empty((len(pixels), 3, *pixels.shape[1:3]), np.float32)
    np.multiply(channels, np.float32(1 / np.iinfo(pixels.dtype).max), out=batch)
    return batch


def to_pixels(output: Batch, dtype: DTypeLike) -> NDArray[Any]:
    """Return float32 (N, C, H, W) as uint8 or uint16 (N, H, W, C), clamped and rounded.

    Args:
        output: overwritten on the way.

    Raises:
        BrokenTile: the values are not all finite.
    """
    if not np.isfinite(output).all():
        raise BrokenTile("not finite")
    np.clip(output, 0, 1, out=output)
    output *= np.iinfo(dtype).max
    output += 0.5
    number, channels, height, width = output.shape
    pixels = np.empty((number, height, width, channels), dtype)
    for channel in range(channels):  # one by one: together numpy takes three times as long
        pixels[..., channel] = output[:, channel]
    return pixels


def through_floats(infer: Callable[[Batch], Batch], pixels: Pixels) -> Pixels:
    """Do what `infer_pixels` does by means of `infer`."""
    return to_pixels(infer(to_batch(pixels)), np.uint8)


def whole(pixels: Pixels, totals: NDArray[np.float32]) -> Pixels:
    """Return the pixels of a `PixelForm`, or raise BrokenTile if its sums are no numbers."""
    if not np.isfinite(totals).all():
        raise BrokenTile("not finite")
    return pixels


def in_order(outputs: Iterable[str]) -> list[str]:
    """Return the names of a graph's outputs as `whole` takes them: the pixels first."""
    return sorted(outputs, key=lambda name: name == TOTAL)
