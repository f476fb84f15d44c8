"""One picture on its way through the network, tile by tile."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.errors import ImageError
from upscaler.images import Picture, around, fill_hidden, inside, keep_flat, resample
from upscaler.inference import tiling
from upscaler.inference.blending import Blend
from upscaler.inference.borders import Borders, keep_flat_to_the_border
from upscaler.inference.repairs import Repairs
from upscaler.inference.size import Size
from upscaler.inference.timing import Stopwatch, Timer
from upscaler.models.grid import round_up
from upscaler.models.restoration import Restoration
from upscaler.models.spec import FEATHERED
from upscaler.runtimes import BrokenTile, PixelRuntime, Runtime, to_batch, to_pixels
from upscaler.runtimes.memory import ran_out_of_memory
from upscaler.runtimes.pixels import Batch

_BLACK = 8 / 255
"""Up to here a tile may well be black."""

Pixels = NDArray[Any]

Join = Callable[[tiling.Tile, Pixels], None]
"""Puts an upscaled tile into the output."""


class Enlargement:
    """One picture on its way through the network, tile by tile.

    The tiles are independent: they may run in any order and in several threads; `finish` when
    all of them have run.

    Args:
        tile: side of a tile's core in pixels; None for the whole picture.
        exact: opens the runtime in fp32 that computes a tile again which came out broken in
            reduced precision.
        size: what the picture shall become; the network's own multiple if it is not given.
        wrap: whether the picture goes on at its edges with what is at the opposite ones.
        part: the tiles to compute, where that is not the whole picture.
        grey: whether that has no colours; looked for if it is not given.
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
        wrap: bool = False,
        part: list[tiling.Tile] | None = None,
        grey: bool | None = None,
        repairs: Repairs | None = None,
        watch: Timer | None = None,
    ) -> None:
        self._watch = watch or Stopwatch()
        spec = runtime.model.spec
        self._runtime, self._scale = runtime, spec.scale
        final = size or Size(self._scale)
        self._final = final.within(self._scale, picture.width, picture.height)
        self._tile, self._exact, self._part = tile, exact, part
        self._own_repairs = Repairs(runtime.precision)
        self._repairs = repairs or self._own_repairs
        self._flat: dict[tuple[tuple[int, ...], bytes], Pixels] = {}
        self._blends: list[Blend] = []
        self.tiles: list[Callable[[], None]] = []
        self.tile_shape: tuple[int, int] | None = None
        self.restoration: Restoration | None = None
        """Why it goes through this network, if that was decided for this picture."""
        self._picture = picture
        self._margin = round_up(spec.halo, spec.alignment) if wrap else 0
        colour, self._alpha = picture.colour, None
        if picture.alpha is not None:
            if not picture.alpha_is_data:
                colour = self._without_hidden(colour, picture.alpha)
            self._alpha = self._start(picture.alpha)
        # equal channels may come back with a tint
        self._grey = picture.is_grey if grey is None else grey
        self._colour = self._start(colour[..., :1] if self._grey else colour)
        follow = partial(Enlargement, runtime=runtime, tile=tile, exact=exact, size=size, wrap=wrap)
        self._following = [
            follow(other, repairs=self._repairs, watch=watch) for other in picture.following
        ]
        for other in self._following:
            self.tiles += other.tiles

    def finish(self) -> Picture:
        """Return the enlarged picture."""
        self.tiles = []  # they refer to this object, which would wait for the garbage collector
        for blend in self._blends:
            blend.finish()
        picture, margin = self._picture, self._margin
        colour, alpha = self._colour, self._alpha
        if alpha is not None and picture.alpha is not None and not picture.alpha_is_data:
            keep_flat(alpha, around(picture.alpha, margin))
        if margin:
            colour = inside(colour, margin * self._scale)
            alpha = None if alpha is None else inside(alpha, margin * self._scale)
        large = picture.with_pixels(colour.repeat(3, axis=2) if self._grey else colour, alpha)
        if (large.width, large.height) != self._final:
            large = resample(large, *self._final, wrap=bool(margin))
        large = replace(large, following=tuple(other.finish() for other in self._following))
        return replace(large, warnings=(*large.warnings, *self._own_repairs.notes))

    def _without_hidden(self, colour: Pixels, alpha: Pixels) -> Pixels:
        """Return the colours as the network shall see them where nothing is shown."""
        halo, margin = self._runtime.model.spec.halo, self._margin
        filled = fill_hidden(around(colour, margin), around(alpha, margin), halo)
        return inside(filled, margin) if margin else filled

    def _start(self, plane: Pixels) -> Pixels:
        """Plan the tiles of one plane, with its margin, and return the array that they fill."""
        spec, scale = self._runtime.model.spec, self._scale
        plane = around(plane, self._margin)
        height, width, channels = plane.shape
        if self._part is None and _is_flat(plane):  # opaque alpha, a blank page
            return np.full((height * scale, width * scale, channels), plane[0, 0], plane.dtype)
        output = np.empty((height * scale, width * scale, channels), plane.dtype)
        aligned = tiling.align(plane, spec.alignment, spec.tiling.size or (1, 1))
        plan = self._part or plan_for(self._runtime, self._tile, height, width)
        join = self._join(output, aligned.shape[:2], plan)
        self.tiles += [partial(self._run, aligned, join, tile) for tile in plan]
        rows, columns = plan[0].rows, plan[0].columns
        self.tile_shape = rows.stop - rows.start, columns.stop - columns.start
        return output

    def _join(self, output: Pixels, shape: tuple[int, ...], plan: list[tiling.Tile]) -> Join:
        """Return what puts an upscaled tile into the output."""
        spec, scale = self._runtime.model.spec, self._scale
        if spec.tiling.kind != FEATHERED or (len(plan) == 1 and self._part is None):
            return lambda tile, upscaled: tiling.join(output, tile, upscaled, scale)
        across_rows = self._part is None
        height, width = shape
        blend = Blend(output, (height, width), scale=scale, halo=spec.halo, across_rows=across_rows)
        self._blends.append(blend)
        return blend.add

    def _run(self, aligned: Pixels, join: Join, tile: tiling.Tile) -> None:
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
            self._run_in_halves(aligned, join, tile)
            return
        with self._watch.stage("join"):
            halo, borders = self._runtime.model.spec.halo, Borders.of(tile, aligned.shape)
            join(tile, keep_flat_to_the_border(upscaled, pixels, borders, halo=halo))

    def _run_in_halves(self, aligned: Pixels, join: Join, tile: tiling.Tile) -> None:
        spec = self._runtime.model.spec
        halves = tiling.halves(tile, halo=spec.halo, alignment=spec.alignment)
        if not halves or spec.tiling.size:
            raise MemoryError
        self._repairs.divided()
        for half in halves:
            self._run(aligned, join, half)

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
    least = spec.tiling.size or (1, 1)
    return tiling.divide(
        max(height, least[0]),
        max(width, least[1]),
        core=_within(tile, runtime, max(height, width)),
        halo=spec.halo,
        alignment=spec.alignment,
        # what runs on GPUs is compiled or recorded for each shape
        even=not isinstance(runtime, PixelRuntime),
        most_rows=most_rows,
        window=spec.tiling.size,
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
    def rounded(upscaled: Batch) -> Pixels:
        if pixels.shape[2] == 1:  # a grey plane went through as three equal channels
            upscaled = upscaled.mean(axis=1, keepdims=True)
        result: Pixels = to_pixels(upscaled, pixels.dtype)[0]
        return result

    return runtime.infer_then(to_batch(pixels[None]), rounded)


def _within(core: int | None, runtime: Runtime, side: int) -> int | None:
    """Return the tile's core that the runtime can take, the one asked for if possible."""
    if runtime.largest_side is None:
        return core
    largest = runtime.largest_side - 2 * runtime.model.spec.halo
    return min(core or side, largest)
