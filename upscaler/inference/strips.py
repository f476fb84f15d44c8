"""Upscaling a picture that is too large for memory: strip by strip, from top to bottom.

A strip is one row of the picture's tiles. It is enlarged as any picture is, with the rows above
and below it that its pixels depend on; the tiles are those of the whole picture, so what comes
out is the same. While one strip is written the next one is computed.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.images import Picture, Rows
from upscaler.inference.enlargement import Enlargement
from upscaler.inference.repairs import Repairs
from upscaler.inference.tiling import Tile, moved_up
from upscaler.inference.timing import Timer
from upscaler.models.restoration import Restoration

Pixels = NDArray[Any]

Wait = Callable[[], None]
"""Waits until a tile has been computed, and raises what went wrong."""

Submit = Callable[[Callable[[], None]], Wait]
"""Has a tile computed in another thread."""

Begin = Callable[[Picture, list[Tile]], Enlargement]
"""Plans some tiles of a picture."""

AT_ONCE = 2
"""Strips in memory: one is written while the other is computed."""


@dataclass(frozen=True)
class Strip:
    """Which rows of a picture a strip is, in input pixels."""

    start: int
    stop: int
    """What it is computed from: [start, stop)."""
    keep_start: int
    keep_stop: int
    """What is kept of it; the kept parts of all strips cover the picture once."""
    tiles: list[Tile]
    """Counted from `start`."""


def strips_of(plan: list[Tile], height: int, margin: int) -> list[Strip]:
    """Divide the tiles of a picture into strips.

    Args:
        plan: as `tiling.divide` makes it.
        height: of the picture, in pixels.
        margin: how many rows the colours of a tile's pixels depend on before the network sees
            them, where they are hidden.
    """
    strips = []
    for rows, tiles in groupby(plan, key=lambda tile: tile.rows):
        start, stop = max(0, rows.start - margin), min(height, rows.stop + margin)
        kept = rows.keep_start, min(height, rows.keep_stop)
        strips.append(Strip(start, stop, *kept, [moved_up(tile, start) for tile in tiles]))
    return strips


class StripEnlargement:
    """One picture on its way through the network, never whole in memory.

    Args:
        source: the open picture.
        strips: what it is divided into.
        scale: how many times larger, per axis, `begin` makes it.
        fit: makes of some rows what the output can hold.
        begin: plans the tiles of a strip, which measure themselves.
        repairs: what is told of them.
        watch: told how long reading and writing take.
    """

    def __init__(
        self,
        source: Rows,
        strips: list[Strip],
        scale: int,
        *,
        fit: Callable[[Picture], Picture],
        begin: Begin,
        repairs: Repairs,
        watch: Timer,
    ) -> None:
        self._source, self._strips, self._scale = source, strips, scale
        self._fit, self._begin, self._repairs, self._watch = fit, begin, repairs, watch
        self.restoration: Restoration | None = None
        """Why it goes through this network, if that was decided for this picture."""
        self._rows: Pixels = source.read(0)
        frame = fit(source.facts)
        large = frame.as_frame(scale * source.height, scale * source.width)
        small = frame.as_frame(source.height, source.width)
        self.frame: Picture = small.with_pixels(large.colour, large.alpha)
        """The enlarged picture without its pixels."""

    @property
    def tile_count(self) -> int:
        """Into how many tiles it is divided, those of its transparency counted, too."""
        planes = 1 if self.frame.alpha is None else 2
        return planes * sum(len(strip.tiles) for strip in self._strips)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be kept, or had to be repaired, a phrase each."""
        return (*self.frame.warnings, *self._repairs.notes)

    def run(self, submit: Submit) -> Iterator[Pixels]:
        """Yield the enlarged picture (any height, scale * W, 1 to 4), from top to bottom.

        Raises:
            ImageError: the picture is damaged, or the network fails on it.
        """
        begun: deque[tuple[Strip, Enlargement, list[Wait]]] = deque()
        for strip in [*self._strips, None]:
            if strip:
                work = self._begin(self._read(strip), strip.tiles)
                begun.append((strip, work, [submit(tile) for tile in work.tiles]))
            while begun and (len(begun) == AT_ONCE or strip is None):
                pixels = self._finished(*begun.popleft())
                with self._watch.stage("write"):  # by whoever asked for them
                    yield pixels
                del pixels  # before room is made for the next

    def _read(self, strip: Strip) -> Picture:
        """Return the strip's rows, of which the strip before had some already."""
        with self._watch.stage("read"):
            known = self._rows[len(self._rows) - (self._source.position - strip.start) :]
            more = self._source.read(strip.stop - self._source.position)
            self._rows = np.concatenate([known, more])
            return self._fit(Picture.from_pixels(self._rows))

    def _finished(self, strip: Strip, work: Enlargement, waits: list[Wait]) -> Pixels:
        for wait in waits:
            wait()
        first, last = strip.keep_start - strip.start, strip.keep_stop - strip.start
        return work.finish().pixels[first * self._scale : last * self._scale]
