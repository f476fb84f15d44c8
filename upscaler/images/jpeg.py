"""JPEG files of pictures that are never whole in memory.

Pillow encodes what lies in memory, libvips what it can pull. So Pillow writes the segments that
carry profile, EXIF and the rest, into the file of a small picture, and libvips the picture that
follows them.
"""

from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from upscaler.images import png
from upscaler.images.vips_strips import encode_by_vips

_START, _SCAN = b"\xff\xd8", 0xDA


def write_jpeg(
    file: IO[bytes],
    head: bytes,
    shape: tuple[int, int, int],
    strips: Iterable[NDArray[Any]],
    *,
    quality: int,
    full_chroma: bool,
) -> None:
    """Write strips as one JPEG file.

    Args:
        head: a JPEG file whose metadata it shall have.
        shape: (H, W, 1 or 3) of all strips together.
        strips: uint8 (any height, W, 1 or 3), from top to bottom.
        quality: 1 to 100.
        full_chroma: whether colour keeps its full resolution.
    """
    pixels = png.stored_png(png.header_chunk(shape, np.dtype(np.uint8)), strips)
    subsampling = "off" if full_chroma or shape[2] == 1 else "on"
    options = {"Q": quality, "subsample_mode": subsampling, "keep": "none"}
    written = _WithoutMetadata(file, b"".join(_metadata(head)))
    encode_by_vips(pixels, "jpegsave_target", options, written.write)


class _WithoutMetadata:
    """Takes a JPEG file in pieces and puts other metadata in the place of its own."""

    def __init__(self, file: IO[bytes], metadata: bytes) -> None:
        self._file, self._metadata = file, metadata
        self._begun = b""

    def write(self, piece: bytes) -> None:
        if not self._metadata:
            self._file.write(piece)
            return
        self._begun += piece
        segments = list(_segments(self._begun))
        if segments and segments[-1][0] == _SCAN:
            first = next(place for kind, place, _ in segments if not _is_metadata(kind))
            self._file.write(_START + self._metadata + self._begun[first:])
            self._metadata = b""


def _metadata(jpeg: bytes) -> Iterator[bytes]:
    for kind, place, size in _segments(jpeg):
        if _is_metadata(kind):
            yield jpeg[place : place + size]


def _is_metadata(kind: int) -> bool:
    """Whether a segment is for applications, or a comment."""
    return 0xE0 <= kind <= 0xEF or kind == 0xFE


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield kind, place and size of each whole segment up to the first scan."""
    place = len(_START)
    while len(jpeg) >= place + 4:
        kind, size = jpeg[place + 1], 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if len(jpeg) < place + size:
            return
        yield kind, place, size
        if kind == _SCAN:
            return
        place += size
