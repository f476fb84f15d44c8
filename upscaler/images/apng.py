"""Animated PNG: the frames of an animation in one PNG file, each drawn over the whole picture.

Not left to Pillow: it makes one frame of equal ones that follow each other, and takes a multiple
of the time.
"""

import itertools
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, Any

from numpy.typing import NDArray

from upscaler.images.png import END, Chunk, deflate, header_chunk, write_chunk, write_signature

_CONTROL = struct.Struct(">IIIIIHHBB")
_LONGEST = 65535


@dataclass(frozen=True)
class Frame:
    """One picture of an animation."""

    pixels: NDArray[Any]
    """(H, W, 1 to 4), 8 or 16 bits a channel, alike in all frames."""
    milliseconds: float


def write_animation(
    file: IO[bytes],
    frames: Iterable[Frame],
    count: int,
    *,
    loop: int,
    level: int,
    chunks: Iterable[Chunk] = (),
) -> None:
    """Write frames as an animated PNG file, see the PNG specification, third edition, 4.8.

    Args:
        count: of the frames.
        loop: how often they are played, 0 for ever.
        level: as in `write_png`.
        chunks: what stands before the pixels.
    """
    numbers = itertools.count()

    def write_later_pixels(data: bytes) -> None:
        write_chunk(file, b"fdAT", struct.pack(">I", next(numbers)) + data)

    def write_first_pixels(data: bytes) -> None:  # what viewers show that know no animations, too
        write_chunk(file, b"IDAT", data)

    for index, frame in enumerate(frames):
        head = header_chunk(frame.pixels.shape, frame.pixels.dtype)
        if index == 0:
            write_signature(file)
            control = b"acTL", struct.pack(">II", count, loop)
            for chunk in (head, control, *chunks):
                write_chunk(file, *chunk)
        height, width = frame.pixels.shape[:2]
        place = (next(numbers), width, height, 0, 0, *_delay(frame.milliseconds), 0, 0)
        write_chunk(file, b"fcTL", _CONTROL.pack(*place))
        deflate(head, [frame.pixels], level, write_later_pixels if index else write_first_pixels)
    write_chunk(file, *END)


def _delay(milliseconds: float) -> tuple[int, int]:
    """Return a fraction of a second."""
    if milliseconds > _LONGEST:
        return min(round(milliseconds / 1000), _LONGEST), 1
    return round(milliseconds), 1000
