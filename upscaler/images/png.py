"""Writing PNG at the speed of the disk.

Pillow's own encoder takes several times as long as a small network takes for the picture. At
level 1, the default, each row is stored as its difference to the row above and deflated by
Intel's ISA-L: a seventh of the time on photographs, at about the same size. Higher levels are
left to libvips, which tries every filter of the standard for each row: smaller, and slow.

Rows go in strip by strip, so that a picture never has to be in memory twice.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import IO, Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from upscaler.images.code_points import CodePoints
from upscaler.images.picture import Pixels, in_rows_of
from upscaler.images.vips_strips import encode_by_vips

LEVELS = range(1, 10)
"""From fast to small."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""By channels: grey, grey with alpha, RGB, RGB with alpha."""
_UP = 2
_ISAL_LEVEL = 2
_INCH = 0.0254
"""In metres."""
_STRIP_BYTES = 1 << 20

_CODE_POINTS = 4
"""Bytes in a chunk cICP: primaries, transfer, and two that are the same in all PNG files."""
_ENOUGH = 256
"""Bytes of a chunk that are looked at."""

_ANIMATION = (b"acTL", b"fcTL", b"fdAT")

Bytes = NDArray[np.uint8]
Chunk = tuple[bytes, bytes]
"""Its four letters, and what is in it."""

END: Chunk = (b"IEND", b"")
"""What every PNG ends with."""


def write_png(
    file: IO[bytes],
    head: Chunk,
    strips: Iterable[Pixels],
    *,
    level: int = 1,
    chunks: Iterable[Chunk] = (),
) -> None:
    """Write pixels as a PNG file.

    Args:
        head: what `header_chunk` makes of all of them.
        strips: (any height, W, 1 to 4) from top to bottom, 8 or 16 bits a channel.
        level: one of LEVELS.
        chunks: what stands before the pixels, such as `icc_chunk` makes it.
    """
    write_signature(file)
    for chunk in (head, *chunks):
        write_chunk(file, *chunk)
    deflate(head, strips, level, lambda data: write_chunk(file, b"IDAT", data))
    write_chunk(file, *END)


def deflate(
    head: Chunk, strips: Iterable[Pixels], level: int, take: Callable[[bytes], None]
) -> None:
    """Compress pixels; how they are divided into strips does not change a byte.

    Args:
        head, strips, level: as in `write_png`.
        take: gets the compressed data, piece by piece.
    """
    if level > LEVELS[0]:
        chunks = _PixelChunks(take)
        options = {"compression": level, "filter": "all", "keep": "none"}
        encode_by_vips(stored_png(head, strips), "pngsave_target", options, chunks.write)
        return
    for data in _deflated(strips, isal_zlib.compressobj(_ISAL_LEVEL)):
        take(data)


def stored_png(head: Chunk, strips: Iterable[Pixels]) -> Iterator[bytes]:
    """Yield the pieces of a PNG file without compression, for what is read back at once.

    Args:
        head, strips: as in `write_png`.
    """
    yield _SIGNATURE + _chunk(*head)
    for data in _deflated(strips, zlib.compressobj(0)):
        yield _chunk(b"IDAT", data)
    yield _chunk(*END)


class _PixelChunks:
    """Takes a PNG file in pieces and passes on the compressed pixels in it."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take, self._begun = take, b""

    def write(self, piece: bytes) -> None:
        self._begun = (self._begun + piece).removeprefix(_SIGNATURE)
        while len(self._begun) >= (end := 12 + int.from_bytes(self._begun[:4], "big")):
            if self._begun[4:8] == b"IDAT":
                self._take(self._begun[8 : end - 4])
            self._begun = self._begun[end:]


def header_chunk(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Chunk:
    """Return the chunk that every PNG begins with, for pixels of a shape (H, W, 1 to 4)."""
    height, width, channels = shape
    depth, colour = 8 * dtype.itemsize, _COLOUR_TYPES[channels]
    # deflate, adaptive filters, not interlaced
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)


def icc_chunk(profile: bytes) -> Chunk:
    """Return the chunk of an ICC profile."""
    return b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)


def exif_chunk(exif: bytes) -> Chunk:
    """Return the chunk of EXIF data, without the marker that JPEG puts before it."""
    return b"eXIf", exif.removeprefix(b"Exif\0\0")


def resolution_chunk(dpi: tuple[float, float]) -> Chunk:
    """Return the chunk that says how many pixels go into an inch, across and down."""
    across, down = (round(value / _INCH) for value in dpi)
    return b"pHYs", struct.pack(">IIB", across, down, 1)


def text_chunk(keyword: str, text: str) -> Chunk:
    """Return the chunk of a text in any language, plain if Latin-1 holds it."""
    name = keyword.encode("latin-1", "replace")[:79] or b"Comment"
    with suppress(UnicodeEncodeError):
        return b"tEXt", name + b"\0" + text.encode("latin-1")
    return b"iTXt", name + b"\0\0\0\0\0" + text.encode()


def xmp_chunk(xmp: bytes) -> Chunk:
    """Return the chunk of XMP."""
    return b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp


def leading_chunks(file: IO[bytes]) -> dict[bytes, bytes]:
    """Return the chunks before the pixels of a PNG file, which stays where it is: the first 256
    bytes of each kind.
    """
    chunks, here = dict[bytes, bytes](), file.tell()
    file.seek(len(_SIGNATURE))
    while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
        size = int.from_bytes(head[:4], "big")
        chunks[head[4:]] = file.read(min(size, _ENOUGH))
        file.seek(max(size - _ENOUGH, 0) + 4, 1)  # the rest of it, and its checksum
    file.seek(here)
    return chunks


def code_points(file: IO[bytes]) -> CodePoints | None:
    """Return the colours that a PNG file, which stays where it is, gives by its chunk cICP."""
    content = leading_chunks(file).get(b"cICP", b"")
    return CodePoints(*content[:2]) if len(content) == _CODE_POINTS else None


def without_pixels(file: IO[bytes]) -> bytes:
    """Return a PNG file made to a single pixel, with all else that it holds.

    Some of that stands behind the pixels, which need not be decoded to get there.
    """
    file.seek(0)
    parts = [file.read(len(_SIGNATURE))]
    blank = _chunk(b"IDAT", zlib.compress(bytes(1 + 4 * 2)))  # a filter's type, at most 4 values
    while len(head := file.read(8)) == 8:
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IDAT":
            file.seek(size + 4, 1)
            parts += [] if blank in parts else [blank]
            continue
        content, checksum = file.read(size), file.read(4)
        if kind in _ANIMATION:
            continue
        if kind == b"IHDR":  # the same colours, not interlaced
            parts.append(_chunk(kind, struct.pack(">II", 1, 1) + content[8:12] + b"\0"))
        else:
            parts.append(head + content + checksum)
    return b"".join(parts)


def write_signature(file: IO[bytes]) -> None:
    """Write how every PNG begins."""
    file.write(_SIGNATURE)


def write_chunk(file: IO[bytes], kind: bytes, data: bytes) -> None:
    """Write one chunk: its four letters `kind`, and what is in it."""
    file.write(_chunk(kind, data))


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = isal_zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def _deflated(strips: Iterable[Pixels], deflater: Any) -> Iterator[bytes]:
    """Yield the compressed rows of strips (any height, W, 1 to 4)."""
    above: Bytes | None = None
    for strip in _even(strips):
        rows = _big_endian(strip)
        above = np.zeros_like(rows[0]) if above is None else above
        filtered = _up(rows, above)
        above = rows[-1]
        if data := deflater.compress(filtered):
            yield data
    yield deflater.flush()


def _even(strips: Iterable[Pixels]) -> Iterator[Pixels]:
    """Cut strips of any height into such of about a megabyte."""
    remaining = iter(strips)
    begun = list(islice(remaining, 1))
    if begun:
        rows = max(1, _STRIP_BYTES // begun[0][0].nbytes)
        yield from in_rows_of(rows, _all(begun, remaining))


def _all(begun: list[Pixels], remaining: Iterator[Pixels]) -> Iterator[Pixels]:
    """Yield the first strip, which nobody holds then, and the others."""
    yield begun.pop()
    yield from remaining


def _big_endian(rows: Pixels) -> Bytes:
    """Return (H, bytes) as PNG orders them."""
    ordered = np.ascontiguousarray(rows, rows.dtype.newbyteorder(">"))
    return ordered.view(np.uint8).reshape(len(rows), -1)


def _up(rows: Bytes, above: Bytes) -> Bytes:
    """Put each row's filter type before it, and in it the difference to the row above."""
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    np.subtract(rows[0], above, out=filtered[0, 1:])
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered
