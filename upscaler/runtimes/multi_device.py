"""One runtime on several GPUs, which share the tiles."""

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from upscaler.runtimes.pixels import Batch, Pixels, through_floats
from upscaler.runtimes.runtime import PixelRuntime, Runtime


class MultiDevice(PixelRuntime):
    """Gives each tile to a GPU that is free.

    Args:
        members: the same runtime in the same precision, open on each device.
    """

    name = "multi-device"

    def __init__(self, members: Sequence[Runtime]) -> None:
        first = members[0]
        streams = sum(member.streams for member in members)
        super().__init__(first.model, first.precision, streams, first.device)
        self.name = first.name  # type: ignore[misc]  # it is the same runtime to everyone
        self.proved = all(member.proved for member in members)
        self.takes_floats, self.largest_side = first.takes_floats, first.largest_side
        self._free: queue.SimpleQueue[Runtime] = queue.SimpleQueue()
        for number in range(max(member.streams for member in members)):
            for member in members:
                if number < member.streams:
                    self._free.put(member)

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """Those of its members; it is never opened by name."""
        return ()

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        with self._member() as member:
            return member.infer(batch)

    def infer_pixels(self, pixels: Pixels) -> Pixels:
        """See `PixelRuntime`."""
        with self._member() as member:
            if isinstance(member, PixelRuntime):
                return member.infer_pixels(pixels)
            return through_floats(member.infer, pixels)

    @contextmanager
    def _member(self) -> Iterator[Runtime]:
        member = self._free.get()
        try:
            yield member
        finally:
            self._free.put(member)
