"""The border of a picture, where a network's convolutions meet zeros instead of a picture.

Next to a saturated colour they answer by up to 11 of 255 too dark or too bright, within four
pixels; farther in no more than anywhere. In a flat place that shows. To go on with the picture
beyond its border would mend it, too, but costs quality (0.02 dB on Set5, as the networks were
trained with zeros there) and time (a quarter more for 64 x 64 pixels). So only flat places change.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from upscaler.inference.tiling import Tile

Pixels = NDArray[Any]

_REACH = 4
"""How far into the picture the zeros around it show, in pixels."""

_STEPS = 255
"""A place whose values differ by one of so many steps is flat."""


class Borders(NamedTuple):
    """Which sides of a tile are sides of the picture."""

    top: bool
    bottom: bool
    left: bool
    right: bool

    @classmethod
    def of(cls, tile: Tile, shape: tuple[int, ...]) -> "Borders":
        """Return those of a tile of an aligned image (H, W, C)."""
        rows, columns = tile.rows, tile.columns
        top, left = rows.start == 0, columns.start == 0
        return cls(top, rows.stop == shape[0], left, columns.stop == shape[1])


def keep_flat_to_the_border(
    upscaled: Pixels, pixels: Pixels, borders: Borders, *, halo: int
) -> Pixels:
    """Let flat places at the picture's border come out as they do farther in.

    Args:
        upscaled: what the network made of a tile (s*H, s*W, C); it stays as it is.
        pixels: the tile (H, W, C).
        halo: of the model; only what lies so near to a pixel decides what becomes of it.

    Returns:
        The same, or a copy in which such places differ.
    """
    reach = min(_REACH, halo // 2)
    scale = upscaled.shape[0] // pixels.shape[0]
    sides = zip(_sides(pixels), borders, strict=True)
    places = [_flat_places(side, reach) if at_border else None for side, at_border in sides]
    if not any(place is not None for place in places):
        return upscaled
    kept = upscaled.copy()
    for side, flat in zip(_sides(kept), places, strict=True):
        if flat is not None:
            farther_in = side[reach * scale : (reach + 1) * scale]
            where = flat.repeat(scale)
            side[: reach * scale, where] = np.tile(farther_in[:, where], (reach, 1, 1))
    return kept


def _sides(pixels: Pixels) -> list[Pixels]:
    """Return views of (H, W, C), each with one side of `Borders` as its first row."""
    turned = pixels.swapaxes(0, 1)
    return [pixels, pixels[::-1], turned, turned[::-1]]


def _flat_places(side: Pixels, reach: int) -> NDArray[np.bool_] | None:
    """Return where along the first row a picture is flat, into it and along it; None: nowhere."""
    if not reach or len(side) <= 2 * reach:
        return None
    first, last = side[0], side[2 * reach]
    if not _flat(np.maximum(first, last), np.minimum(first, last)).any():  # most photographs
        return None
    band = np.ascontiguousarray(side[: 2 * reach + 1])
    high, low = band.max(axis=0), band.min(axis=0)
    flat = _flat(_along(high, np.maximum, reach), _along(low, np.minimum, reach))
    return flat if flat.any() else None


def _flat(high: Pixels, low: Pixels) -> NDArray[np.bool_]:
    """Return where the most and the least of some pixels (W, C) are as good as equal."""
    near: Any = high - low <= np.iinfo(high.dtype).max // _STEPS
    places: NDArray[np.bool_] = near.all(axis=-1)
    return places


def _along(values: Pixels, most: np.ufunc, reach: int) -> Pixels:
    """Return the most of each value of (W, C) and of those up to `reach` beside it."""
    padded = np.concatenate([values[:1].repeat(reach, 0), values, values[-1:].repeat(reach, 0)])
    beside = [padded[start : start + len(values)] for start in range(2 * reach + 1)]
    result: Pixels = most.reduce(beside)
    return result
