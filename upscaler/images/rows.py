"""Reading pictures that are too large for memory, from top to bottom."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler.images.colour import profile_of
from upscaler.images.failure import reading_failed
from upscaler.images.jpeg_end import end_is_missing
from upscaler.images.limits import MAX_PIXELS
from upscaler.images.metadata import read_metadata
from upscaler.images.opening import check_unchanged, opened
from upscaler.images.picture import Picture
from upscaler.images.read import dropped
from upscaler.images.sixteen_bit import stores_sixteen_bits
from upscaler.images.size import check_size, frames_of, size_in, without_decoding
from upscaler.images.vips import KINDS, pyvips, reason

_LOADERS = {"JPEG": "jpegload", "MPO": "jpegload", "PNG": "pngload", "TIFF": "tiffload"}
"""What of libvips decodes a format row by row, to what Pillow makes of it."""

_PLAIN = ("L", "LA", "RGB", "RGBA")
"""Modes of 8 bits that are what they are."""

_COMPRESSION, _PLANES, _EXTRA = 259, 284, 338
"""Tags of a TIFF: how it is compressed, how channels lie, what those beyond the colours are."""

_DECODED = (None, 1, 5, 7, 8, 32773, 32946)
"""None, LZW, JPEG, deflate, packbits: what the packaged libvips undoes."""

_APART, _PREMULTIPLIED = 2, 1
"""Each channel in a plane of its own; colours multiplied with the opacity, which libvips rounds."""

Pixels = NDArray[Any]


class Rows:
    """An open picture, upright, that gives its rows once, in order.

    Args:
        file: that it is in.
        image: the pixels, lazily, as libvips opened them.
        facts: a picture of a single pixel, with all else that the file carries.

    Attributes:
        position: how many rows have been read.
    """

    def __init__(self, file: IO[bytes], image: Any, facts: Picture) -> None:
        self._file, self._before = file, os.fstat(file.fileno())
        self._region = pyvips.Region.new(image)
        self.height, self.width = int(image.height), int(image.width)
        self.facts, self.position = facts, 0

    def read(self, count: int) -> Pixels:
        """Return the next rows: (count, W, 1 to 4), uint8 or uint16.

        Raises:
            ImageError: they are damaged, or the file changed while it was read.
        """
        try:
            data = self._region.fetch(0, self.position, self.width, count) if count else b""
        except pyvips.Error as error:
            raise reading_failed(reason(error)) from None
        self.position += count
        if self.position == self.height:  # now: later, whatever is made of it may be in place
            check_unchanged(self._file, self._before)
        dtype, channels = self.facts.colour.dtype, self.facts.shape[2]
        return np.frombuffer(data, dtype).reshape(count, self.width, channels)


@contextmanager
def open_rows(path: Path, max_pixels: int = MAX_PIXELS) -> Iterator[Rows | None]:
    """Give a picture to be read from top to bottom; None if only `open_picture` can read it.

    Args:
        max_pixels: of the picture.

    Raises:
        ImageError: the file is missing, unreadable, no image, damaged or too large.
    """
    with opened(path, max_pixels) as (image, file):
        if image is None or not _is_plain(image, file):
            yield None
            return
        check_size(size_in(image, file), max_pixels)
        yield _rows(image, file)


def _is_plain(image: Image.Image, file: IO[bytes]) -> bool:
    """Whether libvips gives the very pixels that Pillow would, without a conversion."""
    if image.format not in _LOADERS or frames_of(image) > 1:
        return False
    if end_is_missing(image, file):  # libvips would fail at its last row
        return False
    if image.format == "TIFF" and not _is_plain_tiff(getattr(image, "tag_v2", {})):
        return False
    return (image.mode in _PLAIN and "transparency" not in image.info) or stores_sixteen_bits(image)


def _is_plain_tiff(tags: Mapping[int, Any]) -> bool:
    extra = tags.get(_EXTRA) or ()
    return (
        tags.get(_COMPRESSION) in _DECODED
        and tags.get(_PLANES) != _APART
        and _PREMULTIPLIED not in (extra if isinstance(extra, tuple) else (extra,))
    )


def _rows(image: Image.Image, file: IO[bytes]) -> Rows | None:
    notes = dropped(image, file)
    with without_decoding(image, file) as bare:
        orientation, facts = read_metadata(bare, notes)
        facts |= {"icc": profile_of(bare), "warnings": tuple(notes)}
    # libvips turns a picture, or puts its passes together, in a file of its own
    whole = orientation != 1 or bool(image.info.get("interlace"))
    access = "random" if whole else "sequential"
    try:
        source = pyvips.Source.new_from_descriptor(file.fileno())
        load = getattr(pyvips.Image, f"{_LOADERS[image.format or '']}_source")
        pixels = load(source, access=access, fail_on="error")
        upright = _turned(pixels, orientation)
    except pyvips.Error as error:
        raise reading_failed(reason(error)) from None
    if not _is_as_expected(pixels, image):
        return None
    depth = np.uint16 if pixels.format == "ushort" else np.uint8
    pixel = np.zeros((1, 1, pixels.bands), depth)
    facts["read_size"] = upright.height, upright.width
    return Rows(file, upright, Picture.from_pixels(pixel, **facts))


def _is_as_expected(pixels: Any, image: Image.Image) -> bool:
    if pixels.interpretation not in KINDS or pixels.bands > 4:
        return False
    if stores_sixteen_bits(image):
        return bool(pixels.format == "ushort")
    return bool(pixels.format == "uchar" and pixels.bands == len(image.getbands()))


def _turned(pixels: Any, orientation: int) -> Any:
    if not 1 < orientation <= 8:
        return pixels
    turned = pixels.copy()
    with suppress(pyvips.Error):
        turned.remove("orientation")
    turned.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return turned.autorot()
