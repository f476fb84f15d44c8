"""Small tiles of one shape, of whatever pictures, through a GPU together.

A tile much smaller than a GPU leaves most of it idle. So what waits for a stream waits in groups,
and a stream that becomes free takes a group as far as it has come together. Nothing waits for a
group to fill, so a tile alone is not delayed.

A library may choose other kernels for another number of tiles, and these round differently. The
number that is computed is therefore a function of the shape alone (`groups.group_size`): a group
that is not full is filled up with copies. That bytes do not depend on the place in a group nor on
its neighbours is tried before (`computes_groups`).
"""

import threading
from contextlib import suppress

import numpy as np

from upscaler.models.probe import difference_from, probe_for
from upscaler.runtimes.groups import LARGEST_GROUP, group_size
from upscaler.runtimes.pixels import Batch, Pixels, to_batch, to_pixels
from upscaler.runtimes.runtime import PixelRuntime, Runtime

_Shape = tuple[int, ...]


class Batching(PixelRuntime):
    """Computes tiles that wait at the same time in one call.

    Args:
        runtime: what computes them; one that `computes_groups`.
    """

    name = "batching"

    def __init__(self, runtime: PixelRuntime) -> None:
        super().__init__(runtime.model, runtime.precision, runtime.streams, runtime.device)
        self.name = runtime.name  # type: ignore[misc]  # it is the same runtime to everyone
        self.proved = runtime.proved
        self.takes_floats, self.largest_side = runtime.takes_floats, runtime.largest_side
        self._runtime = runtime
        self._cuda_streams = threading.Semaphore(runtime.streams)
        self._lock = threading.Lock()
        self._waiting: dict[_Shape, _Group] = {}

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """Those of the runtime; it is never opened by name."""
        return ()

    @property
    def at_once(self) -> int:
        """Enough to fill a group on each stream."""
        return self.streams * LARGEST_GROUP

    def together(self, height: int, width: int) -> int:
        """See `Runtime`."""
        return group_size(height, width)

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`; floats are rare, and not grouped."""
        return self._runtime.infer(batch)

    def infer_pixels(self, pixels: Pixels) -> Pixels:
        """See `PixelRuntime`; what is wrong with a tile is raised to its own caller only."""
        if len(pixels) != 1:
            return np.concatenate([self.infer_pixels(tile[None]) for tile in pixels])
        if group_size(*pixels.shape[1:3]) == 1:
            return self._alone(pixels)
        group, place = self._join(pixels)
        if place == 0:
            self._lead(group)
        group.ended.wait()
        if group.outputs is not None:
            return group.outputs[place : place + 1]
        if group.error is not None and len(group.tiles) == 1:
            raise group.error
        return self._alone(pixels)  # to see whose fault it was

    def _join(self, pixels: Pixels) -> tuple["_Group", int]:
        """Put a tile into the group of its shape that waits; whoever opens one leads it."""
        with self._lock:
            group = self._waiting.setdefault(pixels.shape, _Group(pixels.shape))
            group.tiles.append(pixels)
            if len(group.tiles) == group_size(*pixels.shape[1:3]):
                del self._waiting[pixels.shape]
            return group, len(group.tiles) - 1

    def _lead(self, group: "_Group") -> None:
        """Compute a group when a stream is free, with all that have joined it by then."""
        try:
            with self._cuda_streams:
                self._close(group)
                group.outputs = self._call(group.tiles)
        except Exception as error:
            group.error = error
        finally:
            self._close(group)  # an interrupt may come while it waits
            group.ended.set()

    def _close(self, group: "_Group") -> None:
        with self._lock:
            if self._waiting.get(group.shape) is group:
                del self._waiting[group.shape]

    def _alone(self, pixels: Pixels) -> Pixels:
        """Compute a tile on the next free stream, with none but its copies."""
        with self._cuda_streams:
            return self._call([pixels])[:1]

    def _call(self, tiles: list[Pixels]) -> Pixels:
        """Compute tiles, filled up to the number that their shape asks for."""
        size = group_size(*tiles[0].shape[1:3])
        filled = tiles + tiles[-1:] * (size - len(tiles))
        return self._runtime.infer_pixels(np.concatenate(filled) if size > 1 else tiles[0])


class _Group:
    """Tiles of one shape on their way to a stream."""

    def __init__(self, shape: _Shape) -> None:
        self.shape = shape
        self.tiles: list[Pixels] = []
        self.ended = threading.Event()
        self.outputs: Pixels | None = None
        """None, too, if it came to nothing: then each tile is computed by itself."""
        self.error: Exception | None = None


def computes_groups(runtime: Runtime, bound: float) -> bool:
    """Whether a runtime makes the same bytes of a picture wherever in a group, beside whatever.

    A model from elsewhere may take no groups, or mix what is in one; and a library may compute
    the end of a group in another way than its beginning.

    Args:
        bound: the largest difference from the proved output that it may show on the probe.
    """
    if not isinstance(runtime, PixelRuntime):
        return False
    spec = runtime.model.spec
    probe = to_pixels(probe_for(spec), np.uint8)
    size = group_size(*probe.shape[1:3])
    pictures = np.concatenate([np.roll(probe, 3 * number, axis=1) for number in range(size)])
    here = there = None
    with suppress(Exception):  # whatever it is, tiles go one by one then
        here = runtime.infer_pixels(pictures)
        there = runtime.infer_pixels(np.roll(pictures, 1, axis=0))
    if size == 1 or here is None or there is None:
        return False
    right = difference_from(to_batch(here[:1]), spec) <= bound
    return right and np.array_equal(np.roll(here, 1, axis=0), there)
