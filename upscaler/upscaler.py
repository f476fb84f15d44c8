"""Upscaling one picture: the code that the command, the batch and Python users share."""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler import tiling
from upscaler.errors import ImageError, UsageError
from upscaler.images import Picture, fill_hidden, image_from, keep_flat, picture_from
from upscaler.machine import cores
from upscaler.models import DEFAULT_MODEL, DEFAULT_SCALE, Model, find
from upscaler.runtimes import BrokenTile, Choice, PixelRuntime, Runtime, Wish, open_runtime
from upscaler.tiling import AUTO_TILE
from upscaler.upgrade import Upgrade

_BLACK = 8 / 255
"""Up to here a tile may well be black."""

Pixels = NDArray[Any]


class Enlargement:
    """One picture on its way through the network, tile by tile.

    The tiles are independent: they may run in any order and in several threads; `finish` when
    all of them have run. A tile that comes out broken in reduced precision is computed again by
    `exact`, a runtime in fp32.
    """

    def __init__(
        self, picture: Picture, runtime: Runtime, tile: int | None, exact: Callable[[], Runtime]
    ) -> None:
        self._runtime, self._scale = runtime, runtime.model.spec.scale
        self._tile, self._exact = tile, exact
        self._repeated: list[tiling.Tile] = []
        self.tiles: list[Callable[[], None]] = []
        self._picture = picture
        colour, self._alpha = picture.colour, None
        if picture.alpha is not None:
            colour = fill_hidden(colour, picture.alpha, runtime.model.spec.halo)
            self._alpha = self._start(picture.alpha)
        self._colour = self._start(colour)

    def finish(self) -> Picture:
        """Return the enlarged picture."""
        if self._alpha is not None and self._picture.alpha is not None:
            keep_flat(self._alpha, self._picture.alpha)
        large = self._picture.with_pixels(self._colour, self._alpha)
        if not self._repeated:
            return large
        said = (
            f"{len(self._repeated)} of {len(self.tiles)} tiles came out broken in "
            f"{self._runtime.precision} and were computed again in fp32"
        )
        return replace(large, warnings=(*large.warnings, said))

    def _start(self, plane: Pixels) -> Pixels:
        """Plan the tiles of one plane and return the array that they will fill."""
        spec, scale = self._runtime.model.spec, self._scale
        height, width, channels = plane.shape
        if plane.min() == plane.max():  # an opaque alpha, a blank page: nothing to compute
            return np.full((height * scale, width * scale, channels), plane.flat[0], plane.dtype)
        output = np.empty((height * scale, width * scale, channels), plane.dtype)
        aligned = tiling.align(plane, spec.alignment)
        core = _within(self._tile, self._runtime, max(height, width))
        plan = tiling.plan(height, width, core=core, halo=spec.halo, alignment=spec.alignment)
        self.tiles += [partial(self._run, aligned, output, tile) for tile in plan]
        return output

    def _run(self, aligned: Pixels, output: Pixels, tile: tiling.Tile) -> None:
        pixels = tiling.cut(aligned, tile)
        runtime = self._runtime
        try:
            upscaled = _infer(runtime, pixels)
        except BrokenTile:
            if runtime.precision == "fp32":
                raise ImageError(_NOT_FINITE) from None
            self._repeated.append(tile)
            try:
                upscaled = _infer(self._exact(), pixels)
            except BrokenTile:
                raise ImageError(_NOT_FINITE) from None
        tiling.join(output, tile, upscaled, self._scale)


_NOT_FINITE = "the network's output is not finite, not even in fp32"


def _infer(runtime: Runtime, pixels: Pixels) -> Pixels:
    """Upscale a tile (H, W, 1 or 3); raises BrokenTile for no numbers, or a picture gone black."""
    peak = np.iinfo(pixels.dtype).max
    if isinstance(runtime, PixelRuntime) and pixels.dtype == np.uint8:
        upscaled = _through_pixels(runtime, pixels)
    else:
        upscaled = _through_floats(runtime, pixels, peak)
    if runtime.precision != "fp32" and upscaled.max() == 0 and pixels.max() > _BLACK * peak:
        raise BrokenTile("all black")
    return upscaled


def _through_pixels(runtime: PixelRuntime, pixels: Pixels) -> Pixels:
    colour = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    upscaled: Pixels = runtime.infer_pixels(colour[None])[0]
    if pixels.shape[2] == 3:
        return upscaled
    grey: Pixels = np.rint(upscaled.mean(axis=2, keepdims=True)).astype(np.uint8)
    return grey


def _through_floats(runtime: Runtime, pixels: Pixels, peak: int) -> Pixels:
    upscaled = runtime.infer(_to_batch(pixels, peak))[0]
    if not np.isfinite(upscaled).all():
        raise BrokenTile("not finite")
    if pixels.shape[2] == 1:  # a grey plane went through as three equal channels
        upscaled = upscaled.mean(axis=0, keepdims=True)
    np.clip(upscaled, 0, 1, out=upscaled)
    upscaled *= peak
    upscaled += 0.5
    rounded: Pixels = upscaled.astype(pixels.dtype).transpose(1, 2, 0)
    return rounded


def _within(core: int | None, runtime: Runtime, side: int) -> int | None:
    """Return the tile's core that the runtime can take, the one asked for if possible."""
    if runtime.largest_side is None:
        return core
    largest = runtime.largest_side - 2 * runtime.model.spec.halo
    return min(core or side, largest)


def _to_batch(pixels: Pixels, peak: int) -> NDArray[np.float32]:
    """(H, W, 1 or 3) integers -> float32 (1, 3, H, W) in [0, 1]."""
    channels = pixels.transpose(2, 0, 1)
    batch = np.empty((1, 3, *channels.shape[1:]), np.float32)
    np.multiply(channels, np.float32(1 / peak), out=batch[0])
    return batch


class Upscaler:
    """A model opened on a runtime, ready for pictures.

    Args:
        model: a packaged model's name, or the path of an ONNX file.
        scale: how many times larger, per axis.
        runtime, precision: names as in `upscaler run`, or `auto`.
        tile: side of a tile's core in pixels, `auto`, or None for no tiles. It changes the
            memory needed and the speed, not the picture.
        streams: tiles computed side by side; all cores by default.
        devices: numbers of the GPUs that share the work; the first one by default.

    Raises:
        UsageError, ModelError, RuntimeUnavailable: see `upscaler.errors`.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        scale: int = DEFAULT_SCALE,
        runtime: str = "auto",
        precision: str = "auto",
        tile: int | str | None = "auto",
        streams: int | None = None,
        devices: Sequence[int] = (),
    ) -> None:
        self.model: Model = find(str(model), scale)
        self._runtime_name, self._precision = runtime, precision
        self._devices = tuple(devices)
        self._tile = _tile_core(tile)
        if streams is not None and streams < 1:
            raise UsageError(f"streams is {streams}; give 1 or more")
        self.streams = streams or cores()
        self.choice: Choice = self._open(precision)
        self._deep: Runtime | None = None
        self._opening = Lock()

    def __repr__(self) -> str:
        runtime = self.choice.runtime
        return (
            f"{self.model.spec.title} on {runtime.name} in {runtime.precision}, "
            f"{runtime.streams} streams"
        )

    @property
    def scale(self) -> int:
        """Output size / input size, per axis."""
        return self.model.spec.scale

    @overload
    def __call__(self, image: Image.Image) -> Image.Image: ...
    @overload
    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]: ...
    @overload
    def __call__(self, image: NDArray[np.uint16]) -> NDArray[np.uint16]: ...
    def __call__(self, image: Image.Image | Pixels) -> Image.Image | Pixels:
        """Upscale one image and return the same kind of thing, `scale` times the size.

        Args:
            image: a Pillow image of any mode; or a uint8 or uint16 array, (H, W) grey or
                (H, W, C) with 1 grey, 2 grey + alpha, 3 RGB or 4 RGB + alpha channels.

        Raises:
            ImageError: pixels that cannot be upscaled.

        Warns:
            UserWarning: a Pillow image that had to be reduced or converted first.
        """
        if isinstance(image, Image.Image):
            source = picture_from(image)
            large = self.enlarge(source)
            for warning in large.warnings:
                warnings.warn(warning, stacklevel=2)
            result = image_from(large)
            if source.icc:
                result.info["icc_profile"] = source.icc
            return result
        pixels = self.enlarge(_picture_from_array(image)).pixels
        return pixels[..., 0] if image.ndim == 2 else pixels

    def enlarge(self, picture: Picture) -> Picture:
        """Upscale one Picture."""
        work = self.begin(picture)
        with ThreadPoolExecutor(self.streams) as pool:
            for _ in pool.map(lambda run: run(), work.tiles):
                pass
        return work.finish()

    def begin(self, picture: Picture) -> Enlargement:
        """Return the picture's tiles, for a caller with threads of its own."""
        return Enlargement(picture, self._runtime_for(picture), self._tile, self._exact)

    def _runtime_for(self, picture: Picture) -> Runtime:
        """16-bit pictures run in fp32 unless a precision was asked for that carries them."""
        runtime = self.choice.runtime
        deep = picture.colour.dtype == np.uint16
        if deep and (self._precision == "auto" or not runtime.takes_floats):
            return self._exact()
        return runtime

    def _exact(self) -> Runtime:
        """The runtime in fp32, opened when it is first needed."""
        with self._opening:
            if self._deep is None:
                runtime = self.choice.runtime
                self._deep = runtime if runtime.precision == "fp32" else self._open("fp32").runtime
            return self._deep

    def _open(self, precision: str) -> Choice:
        return open_runtime(self._wish(precision), self._runtime_name)

    def _wish(self, precision: str) -> Wish:
        return Wish(self.model, precision, self.streams, self._devices)

    def upgrading(self, moved: Callable[[Runtime], None]) -> Upgrade:
        """Return a context in which a faster runtime may take over, between two pictures.

        Args:
            moved: told of it, from another thread.
        """

        def adopt(choice: Choice) -> None:
            self.choice = choice
            moved(choice.runtime)

        return Upgrade(self._wish(self._precision), self.choice, adopt)


def _tile_core(tile: int | str | None) -> int | None:
    if tile == "auto":
        return AUTO_TILE
    if tile is None or (isinstance(tile, int) and tile > 0):
        return tile
    raise UsageError(f"tile is {tile!r}; give a number of pixels above 0, auto or none")


def _picture_from_array(pixels: Pixels) -> Picture:
    if not isinstance(pixels, np.ndarray):
        raise TypeError(f"give a Pillow image or a numpy array, not {type(pixels).__name__}")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"the array is {pixels.dtype}; give uint8 or uint16")
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or channels > 4:
        raise ImageError(f"the array has shape {pixels.shape}; give (H, W) or (H, W, 1 to 4)")
    return Picture.from_pixels(pixels)
