"""Upscaling one picture: the code that the command, the batch and Python users share."""

import gc
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Lock
from types import TracebackType
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler.errors import ImageError, ModelError, UsageError
from upscaler.hardware.cpu import MEMORY_SHARE, cores, memory_bytes
from upscaler.images import Picture, Rows, image_from, picture_from
from upscaler.inference.enlargement import Enlargement, plan_for
from upscaler.inference.repairs import Repairs
from upscaler.inference.size import Size, wanted_size
from upscaler.inference.strips import StripEnlargement, strips_of
from upscaler.inference.tile_size import tile_core, tiling_note
from upscaler.inference.tiling import STRIP_ROWS, Tile
from upscaler.inference.timing import Timer
from upscaler.models import DEFAULT_MODEL, Model, default_scale, find_models
from upscaler.models.grid import AUTO_TILE, round_up
from upscaler.runtimes import Choice, Runtime, RuntimeRequest, open_runtime
from upscaler.runtimes.gate import Gate
from upscaler.runtimes.upgrade import Host, Upgrade

Pixels = NDArray[Any]

ALPHA = ("picture", "separate")
"""What a fourth channel may be."""


class Upscaler:
    """A model opened on a runtime, ready for pictures; usable by several threads at once.

    As a context manager it is closed at the end. One that is never closed frees everything when
    nothing refers to it any more.

    Args:
        model: a packaged model's name, or the path of a file, .onnx, .pth or .safetensors; or
            several, which a picture goes through one after the other.
        scale: how many times larger, per axis; what no network makes is resampled from the next
            larger one. By default 4, or what a file or a name such as fast-x2 makes.
        runtime, precision: names as in `upscaler run`, or `auto`.
        tile: side of a tile's core in pixels, `auto`, or None for no tiles. It changes the
            memory needed and the speed, not the picture.
        streams: tiles computed side by side; all cores by default.
        devices: numbers of the GPUs that share the work; the first one by default.
        size: what pictures shall become, if not `scale` times as large.
        restore: how much damage by JPEG and noise is undone, from 0, the model `balanced`, to 1,
            the model `photo`; in between their weights are mixed. None for the model as named.
        alpha: what a fourth channel is: `picture`, how much of the colours shows, or `separate`,
            data of its own that leaves the colours as they are.
        wrap: whether pictures are textures that tile: they go on at their edges with what is at
            the opposite ones.

        memory: bytes that tiles of a model from outside may take; a quarter of the machine's by
            default. Only of models whose tiles are not exact does the picture depend on it.
        exact: refuse a model if its tiles are not proved to give the whole picture.

    Raises:
        UsageError, ModelError, RuntimeUnavailable: see `upscaler.errors`.
    """

    def __init__(
        self,
        model: str | Sequence[str] = DEFAULT_MODEL,
        *,
        scale: float | None = None,
        runtime: str = "auto",
        precision: str = "auto",
        tile: int | str | None = "auto",
        streams: int | None = None,
        devices: Sequence[int] = (),
        size: Size | None = None,
        restore: float | None = None,
        alpha: str = "picture",
        wrap: bool = False,
        memory: int | None = None,
        exact: bool = False,
    ) -> None:
        if alpha not in ALPHA:
            raise UsageError(f"alpha is {alpha!r}; give one of {', '.join(ALPHA)}")
        scale = default_scale(_names(model)) if scale is None else scale
        self.size = wanted_size(scale, size)
        self.alpha, self.wrap = alpha, wrap
        self.model: Model = find_models(_names(model), scale, restore)
        self._runtime_name, self._precision = runtime, precision
        self._devices = tuple(devices)
        if streams is not None and streams < 1:
            raise UsageError(f"streams is {streams}; give 1 or more")
        self.streams = streams or cores()
        memory = memory or int(memory_bytes() * MEMORY_SHARE)
        self._tile = tile_core(tile, self.model.spec, memory, self.streams)
        if exact and self.tiling_note:
            raise ModelError(f"{self.tiling_note}; --exact refuses that: add --tile none")
        self._choice: Choice | None = self._open(precision)
        self._gate = Gate()
        self._tile_shape = self._largest_tile()
        self._sixteen_bit: Runtime | None = None
        self._opening = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the runtime with its threads and its memory, when no picture is on its way.

        To close twice does no harm.
        """
        self._choice = self._sixteen_bit = None
        gc.collect()  # some runtimes point to themselves, and hold a GPU's memory

    @property
    def choice(self) -> Choice:
        """The runtime that was taken, and why others were not.

        Raises:
            UsageError: the Upscaler is closed.
        """
        if self._choice is None:
            raise UsageError("this Upscaler is closed; make another one")
        return self._choice

    @choice.setter
    def choice(self, choice: Choice) -> None:
        self._choice = choice

    def __repr__(self) -> str:
        if self._choice is None:
            return f"{self.model.title}, closed"
        runtime = self._choice.runtime
        resampled = (
            "" if self.size.is_scale(self.model.spec.scale) else f" resampled to {self.size}"
        )
        return (
            f"{self.model.title}{resampled} on {runtime.name} in {runtime.precision}, "
            f"{runtime.streams} streams"
        )

    @property
    def tiling_note(self) -> str | None:
        """How near its tiles come to the whole picture, in a line; None if they give it exactly."""
        return None if self._tile is None else tiling_note(self.model.spec)

    @property
    def scale(self) -> int:
        """How many times larger, per axis, the network makes pictures."""
        return self.model.spec.scale

    @property
    def threads(self) -> int:
        """How many tiles to run at a time, so that the runtime is kept busy."""
        return max(self.streams, self.choice.runtime.at_once)

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
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(lambda run: run(), work.tiles):
                pass
        return work.finish()

    def begin(self, picture: Picture, watch: Timer | None = None) -> Enlargement:
        """Return the picture's tiles, for a caller with threads of its own.

        Args:
            watch: told how long their stages take.
        """
        work = Enlargement(
            self.as_meant(picture),
            self._runtime_for(picture),
            self._tile,
            self._exact,
            size=self.size,
            wrap=self.wrap,
            watch=watch,
        )
        return self._through_gate(work)

    def as_meant(self, picture: Picture) -> Picture:
        """Return the picture with what its fourth channel is taken for."""
        is_data = self.alpha == "separate"
        if picture.alpha_is_data == is_data and not picture.following:
            return picture
        following = tuple(self.as_meant(other) for other in picture.following)
        return replace(picture, alpha_is_data=is_data, following=following)

    @property
    def takes_strips(self) -> bool:
        """Whether what it makes of a picture can be computed from some rows at a time."""
        return self.size.is_scale(self.scale) and not self.wrap

    def begin_strips(
        self, source: Rows, fit: Callable[[Picture], Picture], watch: Timer
    ) -> StripEnlargement:
        """Return the work on a picture that is too large for memory.

        Args:
            fit: makes of some of its rows what the output can hold.
            watch: told how long the stages take.

        Raises:
            UsageError: it shall become something else than the network's own multiple, or wrap.
        """
        if not self.takes_strips:
            raise UsageError(f"strips are made {self.scale} times as large, and do not wrap")
        runtime, spec = self._runtime_for(fit(source.facts)), self.model.spec
        tile = AUTO_TILE if self._tile is None else self._tile
        plan = plan_for(runtime, tile, source.height, source.width, most_rows=STRIP_ROWS)
        repairs = Repairs(runtime.precision)
        grey = source.all_are(lambda rows: fit(Picture.from_pixels(rows)).is_grey)

        def begin(picture: Picture, part: list[Tile]) -> Enlargement:
            work = Enlargement(
                self.as_meant(picture),
                runtime,
                tile,
                self._exact,
                part=part,
                grey=grey,
                repairs=repairs,
                watch=watch,
            )
            return self._through_gate(work)

        strips = strips_of(plan, source.height, spec.halo)
        return StripEnlargement(
            source, strips, spec.scale, fit=fit, begin=begin, repairs=repairs, watch=watch
        )

    def _through_gate(self, work: Enlargement) -> Enlargement:
        self._tile_shape = work.tile_shape or self._tile_shape
        work.tiles = [partial(self._gate.run, tile) for tile in work.tiles]
        return work

    def _runtime_for(self, picture: Picture) -> Runtime:
        """16-bit pictures run in fp32 unless a precision was asked for that carries them."""
        runtime = self.choice.runtime
        sixteen_bit = picture.colour.dtype == np.uint16
        if sixteen_bit and (self._precision == "auto" or not runtime.takes_floats):
            return self._exact()
        return runtime

    def _exact(self) -> Runtime:
        """The runtime in fp32, opened when it is first needed."""
        with self._opening:
            if self._sixteen_bit is None:
                runtime = self.choice.runtime
                exact = runtime.precision == "fp32"
                self._sixteen_bit = runtime if exact else self._open("fp32").runtime
            return self._sixteen_bit

    def _open(self, precision: str) -> Choice:
        return open_runtime(self._request(precision), self._runtime_name)

    def _request(self, precision: str) -> RuntimeRequest:
        return RuntimeRequest(self.model, precision, self.streams, self._devices)

    def _largest_tile(self) -> tuple[int, int]:
        spec = self.model.spec
        side = round_up(self._tile or AUTO_TILE, spec.alignment) + 2 * spec.halo
        return spec.tiling.size or (side, side)

    def upgrading(self, moved: Callable[[Runtime], None], log: Callable[[str], None]) -> Upgrade:
        """Return a context in which a faster runtime may take over, between two pictures.

        Args:
            moved: told of it, from another thread.
            log: told in one line why it did not, from another thread.
        """

        def adopt(choice: Choice) -> None:
            self.choice = choice
            moved(choice.runtime)

        host = Host(adopt, log, self._gate, lambda: self._tile_shape)
        return Upgrade(self._request(self._precision), self.choice, host)


def _names(model: str | Sequence[str]) -> str | list[str]:
    """Return what was given as text: it may be a path, or several."""
    if isinstance(model, (list, tuple)):
        return [str(name) for name in model]
    return str(model)


def _picture_from_array(pixels: Pixels) -> Picture:
    if not isinstance(pixels, np.ndarray):
        raise TypeError(f"give a Pillow image or a numpy array, not {type(pixels).__name__}")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"the array is {pixels.dtype}; give uint8 or uint16")
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or channels > 4:
        raise ImageError(f"the array has shape {pixels.shape}; give (H, W) or (H, W, 1 to 4)")
    return Picture.from_pixels(pixels)
