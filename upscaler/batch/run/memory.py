"""How much memory pictures take on their way, and a budget that bounds it."""

import sys
import threading
from collections import deque

from upscaler.images import Format, PictureSize
from upscaler.inference.strips import AT_ONCE
from upscaler.inference.tiling import STRIP_ROWS

WHOLE_UP_TO = 1 << 28
"""Pixels of an output; larger ones never are in memory as a whole, where the formats allow it.

A fixed number, so that no byte of an output depends on the machine's memory.
"""

_BYTES_PER_PIXEL = 10
"""Of a picture in memory: RGB with alpha, and copies on the way through tiles and a codec."""

_BYTES_PER_SIXTEEN_BIT_PIXEL = 24
"""The same of one with 16 bits a channel; both were measured with alpha."""

_BYTES_TO_RESAMPLE = 24
"""More, a pixel of what the network made: a channel as floats, some copies, its opacity."""

_ROWS_AROUND = 64
"""Of a strip, above and below what is kept of it, about."""


class Budget:
    """So many bytes at a time; a picture larger than all of it waits until it is alone.

    First come, first served: small pictures do not overtake a large one that waits for room.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0
        self._waiting: deque[object] = deque()
        self._free = threading.Condition()

    def take(self, amount: int) -> None:
        """Wait until there is room for so many bytes."""
        turn = object()
        with self._free:
            self._waiting.append(turn)
            self._free.wait_for(lambda: turn is self._waiting[0] and self._has_room(amount))
            self._waiting.popleft()
            self._used += amount
            self._free.notify_all()  # there may be room for the next, too

    def give(self, amount: int) -> None:
        """Make room again."""
        with self._free:
            self._used -= amount
            self._free.notify_all()

    def lift(self) -> None:
        """Let everyone through: the run is ending, and nobody must wait for what never comes."""
        with self._free:
            self._limit = sys.maxsize
            self._free.notify_all()

    def _has_room(self, amount: int) -> bool:
        return not self._used or self._used + amount <= self._limit


def goes_in_strips(size: PictureSize, scale: int, kind: Format) -> bool:
    """Whether a picture is too large to be in memory as a whole, and its output can do without.

    Args:
        scale: of the network.
        kind: of the output.
    """
    large = size.pixels * scale**2 > WHOLE_UP_TO
    return large and kind.streamed and size.frames == 1


def bytes_needed(
    size: PictureSize, scale: int, *, resampled: bool = False, strips: bool = False
) -> int:
    """Return what a picture takes on its way through a network.

    Args:
        strips: whether it goes through strip by strip.
    """
    pixels = size.pixels
    if strips:
        pixels = min(pixels, AT_ONCE * (STRIP_ROWS + _ROWS_AROUND) * max(size.width, size.height))
    more = _BYTES_TO_RESAMPLE * scale**2 if resampled else 0
    per_pixel = _BYTES_PER_SIXTEEN_BIT_PIXEL if size.sixteen_bit else _BYTES_PER_PIXEL
    return pixels * ((1 + scale**2) * per_pixel + more)
