"""Cutting images into tiles and joining what comes back, so that no seam can exist.

The picture is defined by the network run on the whole image. A tile therefore carries a
margin, the model's halo, at its inner edges, so that every output pixel sees exactly the
input it would see in the whole image; at the image's own edges a tile ends where the image
ends, and the network's own padding applies. All tiles of an image have one shape: the last
of a row or column shifts inward. Pure numpy.
"""

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.models.grid import round_up

Pixels = NDArray[Any]

STRIP_ROWS = 256
"""Height of a tile's core where whole rows of tiles are in memory: half the bytes, 4 % more."""


@dataclass(frozen=True)
class Span:
    """One tile along one axis, in input pixels."""

    start: int
    stop: int
    """What the network gets: [start, stop)."""
    keep_start: int
    keep_stop: int
    """The part of it whose output is kept; the kept parts of an axis cover it once."""


@dataclass(frozen=True)
class Tile:
    """One piece of an image."""

    rows: Span
    columns: Span


def divide(
    height: int,
    width: int,
    *,
    core: int | None,
    halo: int,
    alignment: int,
    even: bool = False,
    most_rows: int | None = None,
    window: tuple[int, int] | None = None,
) -> list[Tile]:
    """Divide an image into tiles, row by row.

    Args:
        height, width: the image in pixels, any size from 1.
        core: side of a tile without its margins in pixels, rounded up to the alignment;
            None for the whole image in one piece.
        halo: the model's halo in pixels, a multiple of `alignment`.
        alignment: the grid on which tiles start, in pixels.
        even: make the tiles smaller, where as many cover the image with less in common. Then
            each size of image has its own shape of tile.
        most_rows: the height of a core in pixels, where that is to be less than its width.
        window: height and width of a tile with its margins in pixels, where these are fixed; the
            image has to be as large.
    """
    cores = min(filter(None, (core, most_rows)), default=None), core
    sizes = round_up(height, alignment), round_up(width, alignment)
    windows = list(window or ()) or [
        _window(size, core, halo, alignment) for size, core in zip(sizes, cores, strict=True)
    ]
    if even and not window:
        windows = [
            _even_window(size, window, halo, alignment)
            for size, window in zip(sizes, windows, strict=True)
        ]
    rows, columns = (
        _spans(size, window, halo) for size, window in zip(sizes, windows, strict=True)
    )
    return [Tile(row, column) for row, column in product(rows, columns)]


def align(image: Pixels, alignment: int, least: tuple[int, int] = (1, 1)) -> Pixels:
    """Mirror an (H, W, C) image at the bottom and the right up to multiples of `alignment`.

    Args:
        least: height and width in pixels that it has to have.
    """
    bottom, right = (
        round_up(max(size, need), alignment) - size
        for size, need in zip(image.shape[:2], least, strict=True)
    )
    if not bottom and not right:
        return image
    return np.pad(image, ((0, bottom), (0, right), (0, 0)), mode="symmetric")


def cut(image: Pixels, tile: Tile) -> Pixels:
    """Return a view of an aligned (H, W, C) image: the tile with its margins."""
    return image[tile.rows.start : tile.rows.stop, tile.columns.start : tile.columns.stop]


def join(output: Pixels, tile: Tile, upscaled: Pixels, scale: int) -> None:
    """Put the kept part of an upscaled tile into the (scale*H, scale*W, C) output, in place."""
    for_rows, for_columns = _kept(tile.rows, scale), _kept(tile.columns, scale)
    target = output[
        tile.rows.keep_start * scale : tile.rows.keep_stop * scale,
        tile.columns.keep_start * scale : tile.columns.keep_stop * scale,
    ]
    # the image may end before its alignment does
    target[:] = upscaled[for_rows, for_columns][: target.shape[0], : target.shape[1]]


def moved_up(tile: Tile, by: int) -> Tile:
    """Return a tile as it is counted in an image that lacks so many rows at its top."""
    rows = tile.rows
    return replace(
        tile,
        rows=Span(rows.start - by, rows.stop - by, rows.keep_start - by, rows.keep_stop - by),
    )


def halves(tile: Tile, *, halo: int, alignment: int) -> list[Tile]:
    """Divide a tile across its longer side; with their margins the halves give what it gives.

    Args:
        halo, alignment: of the model, in pixels.

    Returns:
        Two tiles, or none if what it keeps is too small for the halves to be smaller.
    """
    height, width = (span.stop - span.start for span in (tile.rows, tile.columns))
    across = tile.rows if height >= width else tile.columns
    parts = _halves(across, halo, alignment)
    sizes = [part.stop - part.start for part in parts]
    empty = any(part.keep_start >= part.keep_stop for part in parts)
    if empty or max(sizes) >= across.stop - across.start:
        return []
    if across is tile.rows:
        return [replace(tile, rows=part) for part in parts]
    return [replace(tile, columns=part) for part in parts]


def _halves(span: Span, halo: int, alignment: int) -> list[Span]:
    middle = round_up((span.keep_start + span.keep_stop) // 2, alignment)
    kept = (span.keep_start, middle), (middle, span.keep_stop)
    return [
        Span(max(start - halo, span.start), min(stop + halo, span.stop), start, stop)
        for start, stop in kept
    ]


def _kept(span: Span, scale: int) -> slice:
    return slice((span.keep_start - span.start) * scale, (span.keep_stop - span.start) * scale)


def _window(size: int, core: int | None, halo: int, alignment: int) -> int:
    """Return the side of a tile with its margins; it may be larger than the image."""
    return size if core is None else round_up(core, alignment) + 2 * halo


def _even_window(size: int, window: int, halo: int, alignment: int) -> int:
    """Return the least that covers the image with as many tiles as `window` needs."""
    if window >= size:
        return window
    shared = 2 * halo  # by each tile with the next
    number = -(-(size - shared) // (window - shared))
    return round_up(-(-(size + (number - 1) * shared) // number), alignment)


def _spans(size: int, window: int, halo: int) -> list[Span]:
    if window >= size:
        return [Span(0, size, 0, size)]
    spans = [Span(0, window, 0, window - halo)]
    while spans[-1].keep_stop < size:
        keep_start = spans[-1].keep_stop
        start = min(keep_start - halo, size - window)
        stop = start + window
        spans.append(Span(start, stop, keep_start, size if stop == size else stop - halo))
    return spans
