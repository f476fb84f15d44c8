"""Upscaling one picture: the code that the command, the batch and Python users share."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from types import TracebackType
from typing import Any, Self, overload

import numpy as np
from PIL import Image

from upscaler.errors import UsageError
from upscaler.hardware.cpu import MEMORY_SHARE, cores, memory_bytes
from upscaler.images import Picture, Rows
from upscaler.inference.enlarger import Options
from upscaler.inference.enlargers import Enlargers, Work
from upscaler.inference.kinds import (
    AnyTensor,
    Same,
    is_tensor,
    larger_array,
    larger_file,
    larger_image,
    larger_tensor,
)
from upscaler.inference.size import Size, wanted_size
from upscaler.inference.strips import StripEnlargement
from upscaler.inference.timing import Stopwatch, Timer
from upscaler.models import DEFAULT_MODEL, Model, default_scale, find_models
from upscaler.models.auto import Auto
from upscaler.models.chain import Chain
from upscaler.quality.damage import Damage
from upscaler.runtimes import Choice, Runtime
from upscaler.runtimes.upgrade import Upgrade

Progress = Callable[[int, int], object] | None
"""Told how many tiles of an image are done, and how many there are."""

ALPHA = ("picture", "separate")
"""What a fourth channel may be."""

_NO_DAMAGE = Damage()


class Upscaler:
    """A model opened on a runtime, ready for pictures; usable by several threads at once.

    As a context manager it is closed at the end. One that is never closed frees everything when
    nothing refers to it any more.

    Args:
        model: `auto`, which decides for each picture whether damage is undone; a packaged
            model's name, or the path of a file, .onnx, .pth or .safetensors; or several, which a
            picture goes through one after the other.
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
        if scale is None:
            scale = default_scale(_names(model), sided=isinstance(size, Size) and size.sided)
        self.size = wanted_size(scale, size)
        self.model: Model = find_models(_names(model), scale, restore, sided=self.size.sided)
        if streams is not None and streams < 1:
            raise UsageError(f"streams is {streams}; give 1 or more")
        self.streams = streams or cores()
        options = Options(
            size=self.size,
            runtime=runtime,
            precision=precision,
            tile=tile,
            streams=self.streams,
            devices=tuple(devices),
            memory=memory or int(memory_bytes() * MEMORY_SHARE),
            exact=exact,
            alpha=alpha,
            wrap=wrap,
        )
        self._enlargers = Enlargers(self.model, options)

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
        """Free the runtimes with their threads and their memory, when no picture is on its way.

        To close twice does no harm.
        """
        self._enlargers.close()

    @property
    def choice(self) -> Choice:
        """The runtime that was taken, and why others were not.

        Raises:
            UsageError: the Upscaler is closed.
        """
        return self._enlargers.first.choice

    @choice.setter
    def choice(self, choice: Choice) -> None:
        self._enlargers.first.choice = choice

    def __repr__(self) -> str:
        if self._enlargers.first.closed:
            return f"{self.model.title}, closed"
        runtime = self.choice.runtime
        resampled = "" if self.size.is_scale(self.scale) else f" resampled to {self.size}"
        return (
            f"{self.model.title}{resampled} on {runtime.name} in {runtime.precision}, "
            f"{runtime.streams} streams"
        )

    @property
    def tiling_note(self) -> str | None:
        """How near its tiles come to the whole picture, in a line; None if they give it exactly."""
        return self._enlargers.first.tiling_note

    @property
    def passes_note(self) -> str | None:
        """Which networks a picture goes through, in a line; None for one alone."""
        first = self._enlargers.first.model
        if not isinstance(first, Chain):
            return None
        return f"{first.spec.scale} times in {len(first.members)} passes: {first.title}"

    @property
    def scale(self) -> int:
        """How many times larger, per axis, the network makes pictures."""
        return self.model.spec.scale

    @property
    def looks(self) -> bool:
        """Whether it looks at each picture to see what it needs."""
        return isinstance(self.model, Auto)

    @property
    def threads(self) -> int:
        """How many tiles to run at a time, so that the runtime is kept busy."""
        return max(self.streams, self.choice.runtime.at_once)

    @overload
    def __call__(self, image: Same, progress: Progress = ...) -> Same: ...
    @overload
    def __call__(self, image: str | os.PathLike[str], progress: Progress = ...) -> Image.Image: ...
    @overload
    def __call__(self, image: AnyTensor, progress: Progress = ...) -> AnyTensor: ...
    @overload
    def __call__(
        self, image: list[Any] | tuple[Any, ...] | Iterator[Any], progress: Progress = ...
    ) -> Iterator[Any]: ...
    def __call__(self, image: Any, progress: Progress = None) -> Any:
        """Upscale one image and return the same kind of thing, `scale` times the size.

        Args:
            image: a Pillow image of any mode, of which I;16 keeps its 16 bits; or a uint8 or uint16
                array, (H, W) grey or (H, W, C) with 1 grey, 2 grey + alpha, 3 RGB or 4 RGB + alpha
                channels; or a torch tensor, (C, H, W) or (N, C, H, W), uint8 or floats in [0, 1];
                or the path of a file, which gives a Pillow image. Several of these, a list for
                example, give an iterator: each is computed when it is asked for.
            progress: called, for each image, with the number of tiles that are done and of all.
                What it raises ends the work and comes out of this call.

        Raises:
            ImageError: pixels that cannot be upscaled, or a file that cannot be read.
            TypeError: it is something else.

        Warns:
            UserWarning: an image that had to be reduced or converted first.
        """
        enlarge = partial(self.enlarge, progress=progress)
        if isinstance(image, (str, os.PathLike)):
            return larger_file(image, enlarge)
        if isinstance(image, Image.Image):
            return larger_image(image, enlarge)
        if isinstance(image, np.ndarray):
            return larger_array(image, enlarge)
        if is_tensor(image):
            return larger_tensor(image, enlarge)
        if isinstance(image, Iterable) and not isinstance(image, (bytes, bytearray)):
            return (self(one, progress) for one in image)
        raise TypeError(
            f"give a Pillow image, a NumPy array, a torch tensor, a path or several of them, "
            f"not {type(image).__name__}"
        )

    def enlarge(self, picture: Picture, progress: Progress = None) -> Picture:
        """Upscale one Picture; `progress` is that of a call."""
        work = self.begin(picture)
        total = len(work.tiles)
        with ThreadPoolExecutor(self.threads) as pool:
            tiles = [pool.submit(tile) for tile in work.tiles]
            try:
                for done, tile in enumerate(as_completed(tiles), 1):
                    tile.result()
                    if progress is not None:
                        progress(done, total)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return work.finish()

    def begin(self, picture: Picture, watch: Timer | None = None) -> Work:
        """Return the picture's tiles, for a caller with threads of its own.

        Args:
            watch: told how long their stages take.
        """
        return self._enlargers.begin(picture, watch or Stopwatch())

    def as_meant(self, picture: Picture) -> Picture:
        """Return the picture with what its fourth channel is taken for."""
        return self._enlargers.first.as_meant(picture)

    @property
    def takes_strips(self) -> bool:
        """Whether what it makes of a picture can be computed from some rows at a time."""
        return self._enlargers.first.takes_strips

    def begin_strips(
        self,
        source: Rows,
        fit: Callable[[Picture], Picture],
        watch: Timer,
        damage: Damage = _NO_DAMAGE,
    ) -> StripEnlargement:
        """Return the work on a picture that is too large for memory.

        Args:
            fit: makes of some of its rows what the output can hold.
            watch: told how long the stages take.
            damage: what the picture has been through, for `auto`.

        Raises:
            UsageError: it shall become something else than the network's own multiple, or wrap.
        """
        return self._enlargers.begin_strips(source, fit, watch, damage)

    def upgrading(self, moved: Callable[[Runtime], None], log: Callable[[str], None]) -> Upgrade:
        """Return a context in which a faster runtime may take over, between two pictures.

        Args:
            moved: told of it, from another thread.
            log: told in one line why it did not, from another thread.
        """
        return self._enlargers.first.upgrading(moved, log)


def _names(model: str | Sequence[str]) -> str | list[str]:
    """Return what was given as text: it may be a path, or several."""
    if isinstance(model, (list, tuple)):
        return [str(name) for name in model]
    return str(model)
