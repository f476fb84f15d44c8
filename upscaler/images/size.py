"""The size of a picture, from the header of its file, and the most pixels that are read."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from PIL import Image

from upscaler.images.isobmff import main_picture
from upscaler.images.limits import MAX_PIXELS, check_pixels
from upscaler.images.metadata import read_metadata
from upscaler.images.opening import opened
from upscaler.images.png import without_pixels
from upscaler.images.sixteen_bit import VipsTiff, stores_sixteen_bits

WITH_OTHERS = ("MPO", "HEIF")
"""Formats of one picture, with gain maps, previews or others beside it."""


class PictureSize(NamedTuple):
    """What the header of a file says, before any rotation."""

    width: int
    height: int
    frames: int
    """Or pages."""
    sixteen_bit: bool = False
    """Whether it may have more than 8 bits a channel."""

    @property
    def pixels(self) -> int:
        """In all frames together."""
        return self.width * self.height * self.frames


def picture_size(path: Path, max_pixels: int = MAX_PIXELS) -> PictureSize:
    """Return the size of a picture from the file's header alone.

    Args:
        max_pixels: named in the message if Pillow refuses the file; a larger size is returned.

    Raises:
        ImageError: the file is missing, unreadable or no image.
    """
    with opened(path, max_pixels) as (image, file):
        return size_in(image, file)


def upright_size(path: Path, max_pixels: int = MAX_PIXELS) -> PictureSize:
    """Return the size of a picture as it is shown, without decoding its pixels.

    Args:
        max_pixels: in all frames together.

    Raises:
        ImageError: the file is missing, unreadable, no image or too large.
    """
    with opened(path, max_pixels) as (image, file):
        size = size_in(image, file)
        check_size(size, max_pixels)
        if image is None:
            orientation = VipsTiff(file).orientation
        elif image.format == "TIFF":  # its size is that of the upright picture already
            orientation = 1
        else:
            with without_decoding(image, file) as bare:
                orientation, _ = read_metadata(bare, [])
        turned = 5 <= orientation <= 8  # by a quarter
        return size._replace(width=size.height, height=size.width) if turned else size


def size_in(image: Image.Image | None, file: IO[bytes]) -> PictureSize:
    """Return the size of what `opened` gives."""
    if image is None:
        tiff = VipsTiff(file)
        return PictureSize(*tiff.size, tiff.pages, sixteen_bit=True)
    # of an AVIF, Pillow does not tell
    may_be_sixteen_bit = image.format == "AVIF" or stores_sixteen_bits(image)
    left, top, right, bottom = shown_part(image, file) or (0, 0, *image.size)
    frames = frames_of(image)
    return PictureSize(right - left, bottom - top, frames, sixteen_bit=may_be_sixteen_bit)


def shown_part(image: Image.Image, file: IO[bytes]) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of the part of an AVIF that is shown; None for all.

    Pillow passes over that, where libheif, which reads HEIC, does not.
    """
    if image.format != "AVIF" or frames_of(image) > 1:
        return None
    return main_picture(file).crop_box(*image.size)


@contextmanager
def without_decoding(image: Image.Image, file: IO[bytes]) -> Iterator[Image.Image]:
    """Give a picture for its metadata: of a PNG, Pillow would decode the pixels for them."""
    if image.format != "PNG":
        yield image
        return
    with Image.open(io.BytesIO(without_pixels(file)), formats=("PNG",)) as bare:
        yield bare


def frames_of(image: Image.Image) -> int:
    """Return the number of frames or pages that count; the layers of a Photoshop file do not."""
    return 1 if image.format in (*WITH_OTHERS, "PSD") else getattr(image, "n_frames", 1)


def check_size(size: PictureSize, limit: int) -> None:
    """Refuse more pixels than a limit.

    Raises:
        PassingError: there are more.
    """
    frames = f" in {size.frames} frames" if size.frames > 1 else ""
    check_pixels(size.pixels, limit, f"{size.width}x{size.height} pixels{frames}")
