"""Reading pictures that are too large for memory, from top to bottom."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler.images.colour import fitting_profile, profile_of
from upscaler.images.failure import reading_failed
from upscaler.images.jpeg_end import end_is_missing
from upscaler.images.limits import MAX_PIXELS
from upscaler.images.metadata import read_metadata
from upscaler.images.opening import check_unchanged, opened
from upscaler.images.picture import Picture
from upscaler.images.read import dropped
from upscaler.images.sixteen_bit import has_unstated_channels, stores_sixteen_bits
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

_LOOKED_AT = 64
"""Rows that are looked at together."""

Pixels = NDArray[Any]


class Rows:
    """An open picture, upright, that gives its rows once, in order.

    Args:
        file: that it is in.
        image: gives the pixels, lazily, as libvips opens them, from the first row on.
        facts: a picture of a single pixel, with all else that the file carries.

    Attributes:
        position: how many rows have been read.
    """

    def __init__(self, file: IO[bytes], image: Callable[[], Any], facts: Picture) -> None:
        self._file, self._before = file, os.fstat(file.fileno())
        self._image = image
        self.facts, self.position = facts, 0
        self._begin()

    def _begin(self) -> None:
        image = self._image()
        self._region = pyvips.Region.new(image)
        self.height, self.width = int(image.height), int(image.width)

    def all_are(self, condition: Callable[[Pixels], bool]) -> bool:
        """Whether a condition holds for all rows; to be asked before any is read.

        Args:
            condition: of some rows; the first that do not meet it are the last that are decoded.

        Raises:
            ImageError: the rows are damaged.
        """
        tops = range(0, self.height, _LOOKED_AT)
        held = all(condition(self._fetch(top, min(_LOOKED_AT, self.height - top))) for top in tops)
        self._begin()
        return held

    def shrunk(self, side: int) -> NDArray[np.uint8]:
        """Return the whole picture, (H, W, 1 to 4), made small enough to fit a square.

        Args:
            side: of the square, in pixels. A smaller picture stays as it is.

        Raises:
            ImageError: it is damaged.
        """
        try:
            image = self._image()
            if max(image.width, image.height) > side:
                image = image.thumbnail_image(side, height=side, size="down")
            if image.format != "uchar":
                image = (image / 257).rint().cast("uchar")
            data = image.write_to_memory()
        except pyvips.Error as error:
            raise reading_failed(reason(error)) from None
        return np.frombuffer(data, np.uint8).reshape(image.height, image.width, image.bands)

    def read(self, count: int) -> Pixels:
        """Return the next rows: (count, W, 1 to 4), uint8 or uint16.

        Raises:
            ImageError: they are damaged, or the file changed while it was read.
        """
        rows = self._fetch(self.position, count)
        self.position += count
        if self.position == self.height:  # now: later, whatever is made of it may be in place
            check_unchanged(self._file, self._before)
        return rows

    def _fetch(self, top: int, count: int) -> Pixels:
        try:
            data = self._region.fetch(0, top, self.width, count) if count else b""
        except pyvips.Error as error:
            raise reading_failed(reason(error)) from None
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
    if image.format == "TIFF" and (
        has_unstated_channels(image) or not _is_plain_tiff(getattr(image, "tag_v2", {}))
    ):
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
        facts["icc"] = profile_of(bare, file)
    # libvips turns a picture, or puts its passes together, in a file of its own
    whole = orientation != 1 or bool(image.info.get("interlace"))
    load = getattr(pyvips.Image, f"{_LOADERS[image.format or '']}_source")
    access = "random" if whole else "sequential"

    def opened_by_vips() -> Any:
        try:
            source = pyvips.Source.new_from_descriptor(file.fileno())
            return load(source, access=access, fail_on="error")
        except pyvips.Error as error:
            raise reading_failed(reason(error)) from None

    pixels = opened_by_vips()
    if not _is_as_expected(pixels, image):
        return None
    depth = np.uint16 if pixels.format == "ushort" else np.uint8
    facts["icc"] = fitting_profile(facts["icc"], pixels.bands, notes)
    pixel = np.zeros((1, 1, pixels.bands), depth)
    upright = _turned(pixels, orientation)
    facts["read_size"] = upright.height, upright.width
    opened_again = (lambda: upright) if whole else opened_by_vips
    return Rows(file, opened_again, Picture.from_pixels(pixel, warnings=tuple(notes), **facts))


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
    try:
        return turned.autorot()
    except pyvips.Error as error:
        raise reading_failed(reason(error)) from None
