"""Transparency: the colour under it, and its flat parts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]


def fill_hidden(colour: Pixels, alpha: Pixels, reach: int) -> Pixels:
    """Spread the visible colours into the fully transparent pixels beside them.

    What a file holds under full transparency is often black, or anything; a network that
    looks at it draws a fringe around the visible shape.

    Args:
        colour: (H, W, C).
        alpha: (H, W, 1) of the same type; pixels of 0 are hidden.
        reach: how far to spread, in pixels: as far as the network sees.

    Returns:
        The colours; visible ones, and hidden ones out of reach, unchanged.
    """
    known = alpha > 0
    if known.all() or not known.any():
        return colour
    filled = np.where(known, colour, 0).astype(np.float32)
    for _ in range(reach):
        weight = _sum3x3(known.astype(np.float32))
        found = ~known & (weight > 0)
        filled = np.where(found, _sum3x3(filled) / np.maximum(weight, 1), filled)
        known = known | found
    return np.where((alpha > 0) | ~known, colour, np.rint(filled).astype(colour.dtype))


def straight(pixels: Pixels) -> Pixels:
    """Undo that colours (H, W, 2 or 4) were multiplied with their opacity, the last channel."""
    if pixels.shape[2] not in (2, 4):
        return pixels
    alpha, peak = pixels[..., -1:], np.iinfo(pixels.dtype).max
    colour = pixels[..., :-1] * (peak / np.maximum(alpha, 1).astype(np.float64))
    whole = np.rint(np.minimum(colour, peak)).astype(pixels.dtype)
    return np.concatenate([np.where(alpha > 0, whole, 0), alpha], axis=2, dtype=pixels.dtype)


def keep_flat(large: Pixels, small: Pixels) -> None:
    """Put back what was fully transparent or fully opaque, as were all pixels beside it, in place.

    A network rings beside a hard edge, and answers a flat input with one step more or less here
    and there; in alpha that shows as a fringe and a veil.

    Args:
        large: the enlarged alpha (s*H, s*W, 1).
        small: the alpha it came from (H, W, 1), of the same type.
    """
    scale = large.shape[0] // small.shape[0]
    for value in (0, np.iinfo(small.dtype).max):
        elsewhere = (small != value).astype(np.float32)
        flat = (_sum3x3(elsewhere) == 0).repeat(scale, axis=0).repeat(scale, axis=1)
        large[flat] = value


def _sum3x3(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum each pixel's neighbourhood, itself included; nothing lies beyond the edges."""
    padded = np.pad(values, ((1, 1), (0, 0), (0, 0)))
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    padded = np.pad(rows, ((0, 0), (1, 1), (0, 0)))
    total: NDArray[np.float32] = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return total
