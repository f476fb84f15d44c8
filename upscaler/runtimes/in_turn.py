"""The models of a chain, each open on its runtime, as one."""

from collections.abc import Sequence

import numpy as np

from upscaler.models.chain import Chain
from upscaler.runtimes.pixels import Batch, to_batch, to_pixels
from upscaler.runtimes.runtime import PixelRuntime, Runtime


class InTurn(Runtime):
    """Gives a tile to one runtime after the other; what is between them is not rounded.

    Args:
        members: the models of the chain in their order, open.
    """

    name = "in turn"

    def __init__(self, chain: Chain, members: Sequence[Runtime]) -> None:
        precisions = " and ".join(dict.fromkeys(member.precision for member in members))
        super().__init__(chain, precisions, min(member.streams for member in members))
        names = dict.fromkeys(member.name for member in members)
        self.name = " and ".join(names)  # type: ignore[misc]  # they are those runtimes to everyone
        self.proved = all(member.proved for member in members)
        self._members = tuple(members)
        self.largest_side = self._largest_side()

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """Those of the runtimes; it is never opened by name."""
        return ()

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        for member in self._members[:-1]:
            batch = np.clip(_infer(member, batch), 0, 1)
        return _infer(self._members[-1], batch)

    def _largest_side(self) -> int | None:
        """Return the largest tile of which none of them gets more than it takes."""
        scale, sides = 1, []
        for member in self._members:
            if member.largest_side is not None:
                sides.append(member.largest_side // scale)
            scale *= member.model.spec.scale
        alignment = self.model.spec.alignment
        return min(sides) // alignment * alignment if sides else None


def _infer(runtime: Runtime, batch: Batch) -> Batch:
    if runtime.takes_floats or not isinstance(runtime, PixelRuntime):
        return runtime.infer(batch)
    pixels = to_pixels(batch.copy(), np.uint8)
    return to_batch(runtime.infer_pixels(pixels))
