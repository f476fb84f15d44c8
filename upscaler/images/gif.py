"""Animated GIF, frame by frame as browsers show it.

Pillow decodes each frame, and they are laid on each other here: where a frame is to be taken away
again, Pillow and libvips leave its colours there if it has no transparency of its own.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler.errors import ImageError

_SCREEN = struct.Struct("<6sHHBBB")
_PLACE = struct.Struct("<HHHHB")
_EXTENSION, _PICTURE, _END = 0x21, 0x2C, 0x3B
_CONTROL = 0xF9
_TO_NOTHING, _TO_PREVIOUS = 2, (3, 4)
"""How a frame is taken away: to what is below the picture, or to what was there before it."""


class GifFrame(NamedTuple):
    """One picture of an animation."""

    pixels: NDArray[np.uint8]
    """(H, W, 3 or 4)"""
    milliseconds: int


@dataclass(frozen=True)
class _Part:
    """What a GIF file holds for one frame."""

    image: bytes
    """A GIF of its own."""
    left: int
    top: int
    disposal: int
    milliseconds: int


def gif_frames(file: IO[bytes]) -> Iterator[GifFrame]:
    """Yield the frames of an animated GIF, all of one size.

    Raises:
        ImageError: there is none.
    """
    file.seek(0)
    content = file.read()
    canvas: NDArray[np.uint8] | None = None
    for part in _parts(content):
        drawn = _decoded(part.image)
        if canvas is None:
            canvas = _blank(content, part, drawn)
        before = canvas.copy()
        rows = slice(part.top, part.top + drawn.shape[0])
        columns = slice(part.left, part.left + drawn.shape[1])
        there = canvas[rows, columns]  # what is beyond the canvas is cut off
        drawn = drawn[: there.shape[0], : there.shape[1]]
        np.copyto(there, drawn, where=drawn[..., 3:] > 0)
        opaque = bool((canvas[..., 3] == 255).all())
        yield GifFrame(canvas[..., :3].copy() if opaque else canvas.copy(), part.milliseconds)
        if part.disposal == _TO_NOTHING:
            there[:] = 0
        elif part.disposal in _TO_PREVIOUS:
            canvas = before
    if canvas is None:
        raise ImageError("damaged: no frame in it")


def _blank(content: bytes, part: _Part, first: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H, W, 4) of nothing, as large as the file says and its first frame needs."""
    _, width, height, *_ = _SCREEN.unpack_from(content)
    shape = max(height, part.top + first.shape[0]), max(width, part.left + first.shape[1]), 4
    return np.zeros(shape, np.uint8)


def _decoded(gif: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(gif), formats=("GIF",)) as image:
        return np.asarray(image.convert("RGBA"))


def _parts(content: bytes) -> Iterator[_Part]:
    """Yield what is there for each frame (GIF89a specification, section 20 and 23)."""
    mark, _, _, flags, background, aspect = _SCREEN.unpack_from(content)
    at = _SCREEN.size + _colours(flags)
    colours, control = content[_SCREEN.size : at], b""
    while at < len(content) and content[at] != _END:
        start = at
        if content[at] == _EXTENSION:
            at = _behind(content, at + 2)
            if content[start + 1] == _CONTROL:
                control = content[start:at]
        elif content[at] == _PICTURE:
            left, top, width, height, own = _PLACE.unpack_from(content, at + 1)
            data = at + 1 + _PLACE.size
            at = _behind(content, data + _colours(own) + 1)
            screen = _SCREEN.pack(mark, width, height, flags, background, aspect)
            place = bytes([_PICTURE]) + _PLACE.pack(0, 0, width, height, own)
            gif = screen + colours + control + place + content[data:at] + bytes([_END])
            packed = control[3] if len(control) > 5 else 0
            delay = int.from_bytes(control[4:6], "little")
            yield _Part(gif, left, top, packed >> 2 & 7, 10 * delay)
            control = b""
        else:
            at += 1  # filling between blocks


def _colours(flags: int) -> int:
    """Return how many bytes a table of colours has."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _behind(content: bytes, at: int) -> int:
    """Return where a chain of blocks ends that begins at a place."""
    while at < len(content) and content[at]:
        at += 1 + content[at]
    return at + 1
