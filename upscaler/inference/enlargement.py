"""One picture on its way through the network, tile by tile."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.errors import ImageError
from upscaler.images import Picture, fill_hidden, keep_flat, resample
from upscaler.inference import tiling
from upscaler.inference.repairs import Repairs
from upscaler.inference.size import Size
from upscaler.inference.timing import Stopwatch, Timer
from upscaler.models.restoration import Restoration
from upscaler.runtimes import BrokenTile, PixelRuntime, Runtime, to_batch, to_pixels
from upscaler.runtimes.memory import ran_out_of_memory

_BLACK = 8 / 255
"""Up to here a tile may well be black."""

Pixels = NDArray[Any]


class Enlargement:
    """One picture on its way through the network, tile by tile.

    The tiles are independent: they may run in any order and in several threads; `finish` when
    all of them have run.

    Args:
        tile: side of a tile's core in pixels; None for the whole picture.
        exact: opens the runtime in fp32 that computes a tile again which came out broken in
            reduced precision.
        size: what the picture shall become; the network's own multiple if it is not given.
        part: the tiles to compute, where that is not the whole picture.
        repairs: told what had to be done to tiles; the picture's warnings say it if not given.
        watch: told how long the stages take.

    Raises:
        ImageError: that is more than the network makes of it.
    """

    def __init__(
        self,
        picture: Picture,
        runtime: Runtime,
        tile: int | None,
        exact: Callable[[], Runtime],
        *,
        size: Size | None = None,
        part: list[tiling.Tile] | None = None,
        repairs: Repairs | None = None,
        watch: Timer | None = None,
    ) -> None:
        self._watch = watch or Stopwatch()
        self._runtime, self._scale = runtime, runtime.model.spec.scale
        final = size or Size(self._scale)
        self._final = final.within(self._scale, picture.width, picture.height)
        self._tile, self._exact, self._part = tile, exact, part
        self._own_repairs = Repairs(runtime.precision)
        self._repairs = repairs or self._own_repairs
        self._flat: dict[tuple[tuple[int, ...], bytes], Pixels] = {}
        self.tiles: list[Callable[[], None]] = []
        self.tile_shape: tuple[int, int] | None = None
        self.restoration: Restoration | None = None
        """Why it goes through this network, if that was decided for this picture."""
        self._picture = picture
        colour, self._alpha = picture.colour, None
        if picture.alpha is not None:
            colour = fill_hidden(colour, picture.alpha, runtime.model.spec.halo)
            self._alpha = self._start(picture.alpha)
        self._colour = self._start(colour)
        self._following = [
            Enlargement(other, runtime, tile, exact, size=size, repairs=self._repairs, watch=watch)
            for other in picture.following
        ]
        for other in self._following:
            self.tiles += other.tiles

    def finish(self) -> Picture:
        """Return the enlarged picture."""
        self.tiles = []  # they refer to this object, which would wait for the garbage collector
        if self._alpha is not None and self._picture.alpha is not None:
            keep_flat(self._alpha, self._picture.alpha)
        large = self._picture.with_pixels(self._colour, self._alpha)
        if (large.width, large.height) != self._final:
            large = resample(large, *self._final)
        large = replace(large, following=tuple(other.finish() for other in self._following))
        return replace(large, warnings=(*large.warnings, *self._own_repairs.notes))

    def _start(self, plane: Pixels) -> Pixels:
        """Plan the tiles of one plane and return the array that they will fill."""
        spec, scale = self._runtime.model.spec, self._scale
        height, width, channels = plane.shape
        if self._part is None and plane.min() == plane.max():  # opaque alpha, a blank page
            return np.full((height * scale, width * scale, channels), plane.flat[0], plane.dtype)
        output = np.empty((height * scale, width * scale, channels), plane.dtype)
        aligned = tiling.align(plane, spec.alignment)
        plan = self._part or plan_for(self._runtime, self._tile, height, width)
        self.tiles += [partial(self._run, aligned, output, tile) for tile in plan]
        rows, columns = plan[0].rows, plan[0].columns
        self.tile_shape = rows.stop - rows.start, columns.stop - columns.start
        return output

    def _run(self, aligned: Pixels, output: Pixels, tile: tiling.Tile) -> None:
        with self._watch.stage("cut"):
            pixels = tiling.cut(aligned, tile)
        upscaled: Pixels | None = None
        try:
            with self._watch.stage("infer"):
                upscaled = self._upscaled(pixels)
        except Exception as error:
            if not ran_out_of_memory(error):
                raise
        if upscaled is None:  # out here, where the error holds none of it any more
            self._run_in_halves(aligned, output, tile)
            return
        with self._watch.stage("join"):
            tiling.join(output, tile, upscaled, self._scale)

    def _run_in_halves(self, aligned: Pixels, output: Pixels, tile: tiling.Tile) -> None:
        spec = self._runtime.model.spec
        halves = tiling.halves(tile, halo=spec.halo, alignment=spec.alignment)
        if not halves:
            raise MemoryError
        self._repairs.divided()
        for half in halves:
            self._run(aligned, output, half)

    def _upscaled(self, pixels: Pixels) -> Pixels:
        """Compute a tile; one of a single colour only if it is the first of that shape."""
        key = (pixels.shape, pixels[0, 0].tobytes()) if _is_flat(pixels) else None
        if key is not None and (known := self._flat.get(key)) is not None:
            return known
        try:
            upscaled = _infer(self._runtime, pixels)
        except BrokenTile:
            self._repairs.computed_again()
            return self._again(pixels)
        if key is not None:
            self._flat = {key: upscaled}  # one is enough: a page has one colour
        return upscaled

    def _again(self, pixels: Pixels) -> Pixels:
        """Compute a tile that came out broken in fp32, if that was not in fp32 already."""
        try:
            if self._runtime.precision != "fp32":
                return _infer(self._exact(), pixels)
        except BrokenTile:
            pass
        raise ImageError("the network's output is not finite, not even in fp32")


def plan_for(
    runtime: Runtime, tile: int | None, height: int, width: int, *, most_rows: int | None = None
) -> list[tiling.Tile]:
    """Return the tiles of a picture of `height` x `width` pixels.

    Args:
        tile: side of a tile's core in pixels; None for the whole picture.
        most_rows: its height, where that is to be less.
    """
    spec = runtime.model.spec
    return tiling.divide(
        height,
        width,
        core=_within(tile, runtime, max(height, width)),
        halo=spec.halo,
        alignment=spec.alignment,
        # what runs on GPUs is compiled or recorded for each shape
        even=not isinstance(runtime, PixelRuntime),
        most_rows=most_rows,
    )


def _is_flat(pixels: Pixels) -> bool:
    """Whether all pixels are equal; most pictures are told by their first row."""
    first = pixels[0, 0]
    return bool((pixels[0] == first).all() and (pixels == first).all())


def _infer(runtime: Runtime, pixels: Pixels) -> Pixels:
    """Upscale a tile (H, W, 1 or 3); raises BrokenTile for no numbers, or a picture gone black."""
    if isinstance(runtime, PixelRuntime) and pixels.dtype == np.uint8:
        upscaled = _through_pixels(runtime, pixels)
    else:
        upscaled = _through_floats(runtime, pixels)
    bright = pixels.max() > _BLACK * np.iinfo(pixels.dtype).max
    if runtime.precision != "fp32" and upscaled.max() == 0 and bright:
        raise BrokenTile("all black")
    return upscaled


def _through_pixels(runtime: PixelRuntime, pixels: Pixels) -> Pixels:
    colour = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    upscaled: Pixels = runtime.infer_pixels(colour[None])[0]
    if pixels.shape[2] == 3:
        return upscaled
    grey: Pixels = np.rint(upscaled.mean(axis=2, keepdims=True)).astype(np.uint8)
    return grey


def _through_floats(runtime: Runtime, pixels: Pixels) -> Pixels:
    upscaled = runtime.infer(to_batch(pixels[None]))
    if pixels.shape[2] == 1:  # a grey plane went through as three equal channels
        upscaled = upscaled.mean(axis=1, keepdims=True)
    rounded: Pixels = to_pixels(upscaled, pixels.dtype)[0]
    return rounded


def _within(core: int | None, runtime: Runtime, side: int) -> int | None:
    """Return the tile's core that the runtime can take, the one asked for if possible."""
    if runtime.largest_side is None:
        return core
    largest = runtime.largest_side - 2 * runtime.model.spec.halo
    return min(core or side, largest)
