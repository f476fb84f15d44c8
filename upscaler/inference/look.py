"""Looking at a picture before it is enlarged: what it has been through.

A bounded number of its pixels is looked at, so a large picture takes no longer than a small one.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.images import Picture, Rows
from upscaler.quality.damage import BLOCK, Damage, Floats, find_damage

_WINDOW = 96
"""Side in pixels of what is looked at in one place; a multiple of BLOCK."""

_PLACES = 3
"""Down and across; a picture of up to as many windows is looked at as a whole."""

Pixels = NDArray[Any]


def look_at(picture: Picture) -> Damage:
    """Say what a picture has been through; of an animation, its first frame."""
    pixels = picture.pixels
    windows = [
        _visible(pixels[rows, columns], has_alpha=picture.alpha is not None)
        for rows in _spread(picture.height)
        for columns in _spread(picture.width)
    ]
    return find_damage(windows, picture.jpeg_quality)


def look_at_rows(source: Rows) -> Damage:
    """Say the same of a picture that is too large for memory, reading all of it once."""
    has_alpha = source.facts.alpha is not None
    windows = []
    for rows in _spread(source.height):
        for skipped in _steps(rows.start - source.position):
            source.read(skipped)
        band = source.read(rows.stop - rows.start)
        windows += [
            _visible(band[:, columns], has_alpha=has_alpha) for columns in _spread(source.width)
        ]
    return find_damage(windows, source.facts.jpeg_quality)


def _spread(side: int) -> list[slice]:
    """Return where to look along one side: everywhere, or in a few places."""
    if side <= _PLACES * _WINDOW:
        return [slice(0, side)]
    last = (side - _WINDOW) // BLOCK
    starts = [BLOCK * (number * last // (_PLACES - 1)) for number in range(_PLACES)]
    return [slice(start, start + _WINDOW) for start in starts]


def _steps(rows: int) -> Iterator[int]:
    """Divide many rows into few at a time."""
    while rows > 0:
        yield min(rows, _WINDOW)
        rows -= _WINDOW


def _visible(pixels: Pixels, *, has_alpha: bool) -> Floats:
    """Return colours in 0..255; black, which nothing is read from, where they are hidden."""
    values: Floats = pixels.astype(np.float32)
    if pixels.dtype == np.uint16:
        values = values / np.float32(257)
    return values[..., :-1] * (values[..., -1:] > 0) if has_alpha else values
