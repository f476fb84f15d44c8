"""One model on one runtime, ready for pictures."""

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock

from upscaler.errors import ModelError, UsageError
from upscaler.images import Picture, Rows
from upscaler.inference.enlargement import Enlargement, plan_for
from upscaler.inference.repairs import Repairs
from upscaler.inference.size import Size
from upscaler.inference.strips import StripEnlargement, strips_of
from upscaler.inference.tile_size import tile_core, tiling_note
from upscaler.inference.tiling import STRIP_ROWS, Tile
from upscaler.inference.timing import Timer
from upscaler.models import Model
from upscaler.models.grid import AUTO_TILE, round_up
from upscaler.runtimes import Choice, Runtime, RuntimeRequest, open_runtime
from upscaler.runtimes.gate import Gate
from upscaler.runtimes.upgrade import Host, Upgrade


@dataclass(frozen=True, kw_only=True)
class Options:
    """How models are opened, and what they make of pictures."""

    size: Size
    runtime: str
    precision: str
    tile: int | str | None
    """Side of a tile's core in pixels, `auto`, or None for no tiles."""
    streams: int
    devices: tuple[int, ...]
    memory: int
    """Bytes that the tiles of a model from outside may take."""
    exact: bool
    """Whether a model is refused if its tiles are not proved to give the whole picture."""
    alpha: str
    wrap: bool
    """See `Upscaler`."""


class Enlarger:
    """A model opened on a runtime; for several threads at once.

    Args:
        gate: that all tiles go through, those of other enlargers of the same run, too.

    Raises:
        UsageError, ModelError, RuntimeUnavailable: it does not open, or is refused.
    """

    def __init__(self, model: Model, options: Options, gate: Gate) -> None:
        self.model, self._options, self._gate = model, options, gate
        self.tile = tile_core(options.tile, model.spec, options.memory, options.streams)
        if options.exact and self.tiling_note:
            raise ModelError(f"{self.tiling_note}; --exact refuses that: add --tile none")
        self._choice: Choice | None = self._open(options.precision)
        self._tile_shape = self._largest_tile()
        self._sixteen_bit: Runtime | None = None
        self._opening = Lock()

    def close(self) -> None:
        """Free the runtime with its threads and its memory; to close twice does no harm."""
        self._choice = self._sixteen_bit = None
        gc.collect()  # some runtimes point to themselves, and hold a GPU's memory

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._choice is None

    @property
    def choice(self) -> Choice:
        """The runtime that was taken, and why others were not.

        Raises:
            UsageError: it is closed.
        """
        if self._choice is None:
            raise UsageError("this Upscaler is closed; make another one")
        return self._choice

    @choice.setter
    def choice(self, choice: Choice) -> None:
        self._choice = choice

    @property
    def tiling_note(self) -> str | None:
        """How near its tiles come to the whole picture, in a line; None if they give it exactly."""
        return None if self.tile is None else tiling_note(self.model.spec)

    @property
    def takes_strips(self) -> bool:
        """Whether what it makes of a picture can be computed from some rows at a time."""
        return self._options.size.is_scale(self.model.spec.scale) and not self._options.wrap

    def as_meant(self, picture: Picture) -> Picture:
        """Return the picture with what its fourth channel is taken for."""
        is_data = self._options.alpha == "separate"
        if picture.alpha_is_data == is_data and not picture.following:
            return picture
        following = tuple(self.as_meant(other) for other in picture.following)
        return replace(picture, alpha_is_data=is_data, following=following)

    def begin(self, picture: Picture, watch: Timer | None = None) -> Enlargement:
        """Return a picture's tiles, for a caller with threads of its own.

        Args:
            watch: told how long their stages take.
        """
        work = Enlargement(
            self.as_meant(picture),
            self._runtime_for(picture),
            self.tile,
            self.exact,
            size=self._options.size,
            wrap=self._options.wrap,
            watch=watch,
        )
        return self._through_gate(work)

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
        spec = self.model.spec
        if not self.takes_strips:
            raise UsageError(f"strips are made {spec.scale} times as large, and do not wrap")
        runtime = self._runtime_for(fit(source.facts))
        tile = AUTO_TILE if self.tile is None else self.tile
        plan = plan_for(runtime, tile, source.height, source.width, most_rows=STRIP_ROWS)
        repairs = Repairs(runtime.precision)
        grey = source.all_are(lambda rows: fit(Picture.from_pixels(rows)).is_grey)

        def begin(picture: Picture, part: list[Tile]) -> Enlargement:
            work = Enlargement(
                self.as_meant(picture),
                runtime,
                tile,
                self.exact,
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
        inexact = self._options.precision == "auto" or not runtime.takes_floats
        return self.exact() if picture.is_sixteen_bit and inexact else runtime

    def exact(self) -> Runtime:
        """Return the runtime in fp32, opened when it is first needed."""
        with self._opening:
            if self._sixteen_bit is None:
                runtime = self.choice.runtime
                exact = runtime.precision == "fp32"
                self._sixteen_bit = runtime if exact else self._open("fp32").runtime
            return self._sixteen_bit

    def _open(self, precision: str) -> Choice:
        return open_runtime(self._request(precision), self._options.runtime)

    def _request(self, precision: str) -> RuntimeRequest:
        return RuntimeRequest(self.model, precision, self._options.streams, self._options.devices)

    def _largest_tile(self) -> tuple[int, int]:
        spec = self.model.spec
        side = round_up(self.tile or AUTO_TILE, spec.alignment) + 2 * spec.halo
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
        return Upgrade(self._request(self._options.precision), self.choice, host)
