"""Joining tiles of networks for which no halo is wide enough: they fade into each other.

Such a network looks at the whole picture, so a tile comes out a little different from its
neighbour, mostly by a smooth offset. Over the inner half of their overlap one fades into the next:
the offset stays, the step is gone. The sums are of whole numbers, so that the order in which tiles
come does not matter.
"""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.inference.tiling import Span, Tile

Pixels = NDArray[Any]

_BITS = 8
"""Of a weight along one axis; with both and 16 bits of a pixel, sums fit into 32."""
_FULL = 1 << _BITS


class Blend:
    """Adds up the tiles of a picture.

    Args:
        output: (scale*H, scale*W, C), uint8 or uint16; filled by `finish`.
        shape: height and width in pixels of the aligned picture that the tiles cover.
        halo: pixels that a tile goes on beyond what is kept of it, at each inner edge.
        across_rows: whether tiles fade into those above and below, too; strips do not.
    """

    def __init__(
        self, output: Pixels, shape: tuple[int, int], *, scale: int, halo: int, across_rows: bool
    ) -> None:
        self._output, self._shape, self._scale = output, shape, scale
        self._fade = halo // 2, halo // 2 if across_rows else 0
        self._sums = np.zeros(output.shape, np.uint32)
        self._lock = threading.Lock()

    def add(self, tile: Tile, upscaled: Pixels) -> None:
        """Add what the network made of a tile with its margins; safe in several threads."""
        columns, rows = self._fade
        down = _weights(tile.rows, self._shape[0], self._scale, rows)
        along = _weights(tile.columns, self._shape[1], self._scale, columns)
        top, left = tile.rows.start * self._scale, tile.columns.start * self._scale
        target = self._sums[top:, left:][: len(down), : len(along)]
        height, width = target.shape[:2]  # the picture may end before its alignment does
        weights = down[:height, None, None] * along[None, :width, None]
        weighted = upscaled[:height, :width] * weights
        with self._lock:
            target += weighted

    def finish(self) -> None:
        """Write the picture into the output."""
        self._sums += _FULL * _FULL // 2
        self._sums >>= 2 * _BITS
        self._output[:] = self._sums
        self._sums = self._sums[:0]


def _weights(span: Span, size: int, scale: int, fade: int) -> NDArray[np.uint32]:
    """Return a weight, 0 to _FULL, for each output pixel of a tile along one axis.

    Args:
        size: of the picture, in input pixels; its own ends do not fade.
        fade: pixels on each side of a cut over which one tile becomes the next.
    """
    weights = np.zeros((span.stop - span.start) * scale, np.uint32)
    first, last = ((edge - span.start) * scale for edge in (span.keep_start, span.keep_stop))
    weights[first:last] = _FULL
    width = fade * scale
    rising = (_FULL * (2 * np.arange(2 * width, dtype=np.uint32) + 1)) // (4 * width or 1)
    if span.keep_start > 0 and width:
        weights[first - width : first + width] = rising[: len(weights) - first + width]
    if span.keep_stop < size and width:
        weights[last - width : last + width] = _FULL - rising
    return weights
