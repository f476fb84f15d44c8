"""TIFF files of any depth, written with all that a picture carries."""

import io
import struct
from collections.abc import Iterator
from typing import IO, Any

import tifffile
from PIL import ExifTags, Image, TiffImagePlugin
from PIL.TiffImagePlugin import IFDRational

from upscaler.images.exif import ExifBlock
from upscaler.images.metadata import LAYOUT, exif_of, xmp_of
from upscaler.images.picture import Picture

_SUB_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_OWN = {274, 282, 283, 296, *_SUB_DIRECTORIES, ExifTags.IFD.Interop}
"""Tags of the picture's EXIF that are not copied, but written from its fields or apart."""

_DESCRIPTION, _XMP, _IPTC = 270, 700, 33723
_ASCII, _SHORT, _LONG, _RATIONAL, _BYTES = 2, 3, 4, 5, 7

ExtraTag = tuple[int, int, int | None, Any, bool]


def write_tiff(file: IO[bytes], picture: Picture) -> None:
    """Write a picture and its further pages as TIFF, compressed without loss."""
    content = io.BytesIO()
    pages: list[Picture] = [picture, *picture.following]
    with tifffile.TiffWriter(content) as writer:
        for page in pages:
            _write_page(writer, page)
    exif = _exif(picture)
    kinds = ExifBlock(exif_of(picture) or b"").kinds if exif else {}
    for directory in _SUB_DIRECTORIES:
        if directory in exif and (tags := exif.get_ifd(directory)):
            tags.pop(ExifTags.IFD.Interop, None)  # an offset into the file that it was read from
            _append_directory(content, directory, tags, kinds)
    file.write(content.getbuffer())


def _write_page(writer: tifffile.TiffWriter, page: Picture) -> None:
    pixels = page.pixels
    channels = pixels.shape[2]
    writer.write(
        pixels if channels > 1 else pixels[..., 0],
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
    values = value if isinstance(value, tuple) else (value,)
    if all(isinstance(item, int) and item >= 0 for item in values):
        return tag, _SHORT if max(values) < 1 << 16 else _LONG, len(values), values, True
    if all(isinstance(item, IFDRational) for item in values):
        parts = [part for item in values for part in (item.numerator, item.denominator)]
        return tag, _RATIONAL, len(values), tuple(parts), True
    return None


def _text(tag: int, text: str) -> ExtraTag:
    return tag, _ASCII, None, text.encode(), True


def _append_directory(
    content: io.BytesIO, tag: int, values: dict[int, Any], kinds: dict[int, int]
) -> None:
    """Let a TIFF's first directory point to one more, which no library writes.

    Args:
        kinds: the types that tags had where they came from.

    The first directory, which has no room to grow, is repeated behind all else with the new
    entry in it. See TIFF 6.0, section 2.
    """
    data = content.getbuffer()
    order = "<" if bytes(data[:2]) == b"II" else ">"
    first = struct.unpack_from(order + "I", data, 4)[0]
    count = struct.unpack_from(order + "H", data, first)[0]
    entries = [bytes(data[first + 2 + 12 * i : first + 14 + 12 * i]) for i in range(count)]
    following = bytes(data[first + 2 + 12 * count : first + 6 + 12 * count])
    del data  # a view keeps the file from growing
    added = content.seek(0, io.SEEK_END)
    added += added % 2
    directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0" + bytes(4))
    if order == ">":
        directory = TiffImagePlugin.ImageFileDirectory_v2(b"MM\0*" + bytes(4))
    for key, value in values.items():
        if tag == ExifTags.IFD.Exif and key in kinds:
            directory.tagtype[key] = kinds[key]
        directory[key] = value
    entries.append(struct.pack(order + "HHII", tag, _LONG, 1, added))
    entries.sort(key=lambda entry: struct.unpack_from(order + "H", entry))
    content.seek(added)
    content.write(directory.tobytes(added))
    moved = content.tell() + content.tell() % 2
    content.seek(moved)
    content.write(struct.pack(order + "H", len(entries)) + b"".join(entries) + following)
    content.seek(4)
    content.write(struct.pack(order + "I", moved))
