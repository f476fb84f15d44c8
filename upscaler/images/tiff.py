"""TIFF files of any depth and size, written strip by strip with all that a picture carries."""

import io
import struct
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

import numpy as np
import tifffile
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin
from PIL.TiffImagePlugin import IFDRational

from upscaler.images.exif import ExifBlock
from upscaler.images.metadata import LAYOUT, exif_of, xmp_of
from upscaler.images.picture import Picture, in_rows_of

_SUB_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_OWN = {274, 282, 283, 296, *_SUB_DIRECTORIES, ExifTags.IFD.Interop}
"""Tags of the picture's EXIF that are not copied, but written from its fields or apart."""

_DESCRIPTION, _XMP, _IPTC = 270, 700, 33723
_ASCII, _SHORT, _LONG, _RATIONAL, _BYTES = 2, 3, 4, 5, 7
_SIGNED_LONG, _SIGNED_RATIONAL, _DOUBLE, _LONG8 = 9, 10, 12, 16

_STRIP_BYTES = 1 << 18
_ISAL_LEVEL = 2
_LARGEST_CLASSIC = 4_000_000_000
"""Bytes of pixels up to which 32-bit offsets are enough, whatever deflate makes of them."""

ExtraTag = tuple[int, int, int | None, Any, bool]


def write_tiff(file: IO[bytes], picture: Picture, strips: Iterable[NDArray[Any]] = ()) -> None:
    """Write a picture and its further pages as TIFF, compressed without loss.

    Args:
        file: open for reading and writing, at its beginning.
        strips: the pixels (H, W, 1 to 4) of a single page in pieces from top to bottom, if
            `picture` is only a frame for them.
    """
    pages: list[Picture] = [picture, *picture.following]
    layout = _layout_for(pages)
    with tifffile.TiffWriter(file, bigtiff=layout is _BIG) as writer:
        for page in pages:
            _write_page(writer, page, strips or (page.pixels,))
    exif = _exif(picture)
    kinds = ExifBlock(exif_of(picture) or b"").kinds if exif else {}
    for directory in _SUB_DIRECTORIES:
        if directory in exif and (tags := exif.get_ifd(directory)):
            tags.pop(ExifTags.IFD.Interop, None)  # an offset into the file that it was read from
            _append_directory(file, layout, directory, tags, kinds)


def _write_page(writer: tifffile.TiffWriter, page: Picture, strips: Iterable[NDArray[Any]]) -> None:
    height, width, channels = page.shape
    rows = max(1, _STRIP_BYTES // (width * channels * page.colour.itemsize))
    writer.write(
        (_deflated(strip) for strip in in_rows_of(rows, strips)),
        shape=(height, width, channels) if channels > 1 else (height, width),
        dtype=page.colour.dtype,
        rowsperstrip=min(rows, height),
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if page.alpha is not None else None,
        compression="zlib",
        predictor=True,
        iccprofile=page.icc,
        resolution=page.dpi,
        resolutionunit="inch" if page.dpi else None,
        software=False,
        metadata=None,
        extratags=list(_tags(page, _exif(page))),
    )


def _deflated(strip: NDArray[Any]) -> bytes:
    """Compress a strip as TIFF's horizontal predictor has it: each pixel less the one before."""
    differences = np.array(strip, strip.dtype.newbyteorder("<"))
    differences[:, 1:] -= strip[:, :-1]
    packed: bytes = isal_zlib.compress(differences.tobytes(), _ISAL_LEVEL)
    return packed


def _exif(page: Picture) -> Image.Exif:
    exif = Image.Exif()
    exif.load(exif_of(page) or b"")
    return exif


def _tags(picture: Picture, exif: Image.Exif) -> Iterator[ExtraTag]:
    if picture.text:
        yield _text(_DESCRIPTION, "\n".join(text for _, text in picture.text))
    for tag, value in exif.items():
        if tag in _OWN | LAYOUT or (tag == _DESCRIPTION and picture.text):
            continue
        if extra := _tag(tag, value):
            yield extra
    if picture.iptc:
        yield _IPTC, _BYTES, len(picture.iptc), picture.iptc, True
    if xmp := xmp_of(picture):
        yield _XMP, 1, len(xmp), xmp, True


def _tag(tag: int, value: Any) -> ExtraTag | None:
    """Return a tag as tifffile wants it; None for a type that has no place in TIFF."""
    if isinstance(value, str):
        return tag, _ASCII, None, value.encode("latin-1", "replace"), True  # as Pillow read it
    if isinstance(value, bytes):
        return tag, _BYTES, len(value), value, True
    return _number_tag(tag, value)


def _number_tag(tag: int, value: Any) -> ExtraTag | None:
    values = value if isinstance(value, tuple) else (value,)
    if all(isinstance(item, int) and item >= 0 for item in values):
        return tag, _SHORT if max(values) < 1 << 16 else _LONG, len(values), values, True
    if all(isinstance(item, int | float) for item in values):
        kind = _SIGNED_LONG if all(isinstance(item, int) for item in values) else _DOUBLE
        return tag, kind, len(values), values, True
    if all(isinstance(item, IFDRational) for item in values):
        parts = [part for item in values for part in (item.numerator, item.denominator)]
        kind = _SIGNED_RATIONAL if min(parts, default=0) < 0 else _RATIONAL
        return tag, kind, len(values), tuple(parts), True
    return None


def _text(tag: int, text: str) -> ExtraTag:
    return tag, _ASCII, None, text.encode(), True


class _Layout(NamedTuple):
    """How a directory is stored, in the letters of `struct`."""

    first: int
    """Where the file says where its first directory is."""
    offset: str
    number: str
    """Of the entries."""
    entry: str
    pointer: int
    """The type of an entry that points to a directory."""
    head: bytes
    """How a little-endian file begins, as Pillow wants to know it."""


_CLASSIC = _Layout(4, "I", "H", "HHII", _LONG, b"II*\0" + bytes(4))
_BIG = _Layout(8, "Q", "Q", "HHQQ", _LONG8, b"II+\0\x08\0\0\0" + bytes(8))
"""TIFF 6.0, section 2, and BigTIFF, for files that 32 bits cannot address."""


def _layout_for(pages: list[Picture]) -> _Layout:
    size = sum(int(np.prod(page.shape, dtype=np.int64)) * page.colour.itemsize for page in pages)
    return _CLASSIC if size <= _LARGEST_CLASSIC else _BIG


def _append_directory(
    file: IO[bytes], layout: _Layout, tag: int, values: dict[int, Any], kinds: dict[int, int]
) -> None:
    """Let a TIFF's first directory point to one more, which no library writes.

    Args:
        kinds: the types that tags had where they came from.

    The first directory, which has no room to grow, is repeated behind all else with the new
    entry in it.
    """
    order = "<" if _read_at(file, 0, 2) == b"II" else ">"
    (first,) = _unpacked(file, layout.first, order + layout.offset)
    (count,) = _unpacked(file, first, order + layout.number)
    size = struct.calcsize(order + layout.entry)
    body = first + struct.calcsize(order + layout.number)
    entries = [_read_at(file, body + size * number, size) for number in range(count)]
    following = _read_at(file, body + size * count, struct.calcsize(order + layout.offset))
    added = _even_end(file)
    directory = TiffImagePlugin.ImageFileDirectory_v2(_head(layout, order))
    for key, value in values.items():
        if tag == ExifTags.IFD.Exif and key in kinds:
            directory.tagtype[key] = kinds[key]
        directory[key] = value
    entries.append(struct.pack(order + layout.entry, tag, layout.pointer, 1, added))
    entries.sort(key=lambda entry: struct.unpack_from(order + "H", entry))
    file.write(directory.tobytes(added))
    moved = _even_end(file)
    file.write(struct.pack(order + layout.number, len(entries)) + b"".join(entries) + following)
    file.seek(layout.first)
    file.write(struct.pack(order + layout.offset, moved))


def _head(layout: _Layout, order: str) -> bytes:
    if order == "<":
        return layout.head
    return b"MM" + layout.head[3:1:-1] + layout.head[4:]


def _even_end(file: IO[bytes]) -> int:
    """Go to the end of a file, made even, and return where that is."""
    end = file.seek(0, io.SEEK_END)
    file.write(bytes(end % 2))
    return end + end % 2


def _read_at(file: IO[bytes], place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _unpacked(file: IO[bytes], place: int, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, _read_at(file, place, struct.calcsize(form)))
