"""Upscaling one picture: the code that the command, the batch and Python users share."""

import warnings
from collections.abc import Callable
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
from upscaler.runtimes import Choice, Runtime, open_runtime

AUTO_TILE = 512
"""Side of a tile's core in pixels: large enough that the margins cost little."""

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
        plan = tiling.plan(height, width, core=self._tile, halo=spec.halo, alignment=spec.alignment)
        self.tiles += [partial(self._run, aligned, output, tile) for tile in plan]
        return output

    def _run(self, aligned: Pixels, output: Pixels, tile: tiling.Tile) -> None:
        peak = np.iinfo(output.dtype).max
        batch = _to_batch(tiling.cut(aligned, tile), peak)
        upscaled = self._runtime.infer(batch)[0]
        if self._runtime.precision != "fp32" and _is_broken(upscaled, batch):
            self._repeated.append(tile)
            upscaled = self._exact().infer(batch)[0]
        if not np.isfinite(upscaled).all():
            raise ImageError("the network's output is not finite, not even in fp32")
        if output.shape[2] == 1:  # a grey plane went through as three equal channels
            upscaled = upscaled.mean(axis=0, keepdims=True)
        np.clip(upscaled, 0, 1, out=upscaled)
        upscaled *= peak
        upscaled += 0.5
        pixels = upscaled.astype(output.dtype).transpose(1, 2, 0)
        tiling.join(output, tile, pixels, self._scale)


def _is_broken(output: NDArray[np.float32], batch: NDArray[np.float32]) -> bool:
    """Whether numbers have overflowed, or a picture has turned all black."""
    return not np.isfinite(output).all() or (output.max() <= 0 and batch.max() > _BLACK)


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
    ) -> None:
        self.model: Model = find(str(model), scale)
        self._runtime_name, self._precision = runtime, precision
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
        """16-bit pictures run in fp32 unless a precision was asked for: bf16 carries 8 bits."""
        runtime = self.choice.runtime
        if picture.colour.dtype != np.uint16 or self._precision != "auto":
            return runtime
        return self._exact()

    def _exact(self) -> Runtime:
        """The runtime in fp32, opened when it is first needed."""
        with self._opening:
            if self._deep is None:
                runtime = self.choice.runtime
                self._deep = runtime if runtime.precision == "fp32" else self._open("fp32").runtime
            return self._deep

    def _open(self, precision: str) -> Choice:
        return open_runtime(
            self.model, name=self._runtime_name, precision=precision, streams=self.streams
        )


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
