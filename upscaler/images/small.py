"""A small copy of a picture, and what its file is, at little cost: for an overview of many."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from upscaler.images.encode import image_from
from upscaler.images.opening import opened
from upscaler.images.picture import Picture
from upscaler.images.read import open_picture
from upscaler.images.rows import open_rows

_CARRIED = {
    "icc": "colour profile",
    "exif": "camera data (EXIF)",
    "xmp": "XMP",
    "iptc": "captions (IPTC)",
    "dpi": "resolution in print",
    "text": "texts",
}
"""What a file may carry beside its pixels, by the field of a Picture."""

LARGEST = 4_000_000_000
"""Pixels of a picture that is read row by row, for which memory is no limit."""

_LARGEST_WHOLE = 300_000_000
"""Pixels of one that has to be in memory: what WebP holds, and a little more."""


@dataclass(frozen=True, eq=False)
class SmallCopy:
    """A picture made small, and facts on its file."""

    image: Image.Image
    """Of 8 bits, upright: L, LA, RGB or RGBA."""
    width: int
    """Of the whole picture, upright, in pixels."""
    height: int
    frames: int
    carried: tuple[str, ...]
    """What the file carries beside its pixels, in words."""


def kind_of(path: Path) -> str:
    """Return what Pillow calls the format of a file; empty for a TIFF that it does not know.

    Raises:
        ImageError: the file is missing, unreadable or no image.
    """
    with opened(path, LARGEST) as (image, _):
        return (image.format or "") if image else ""


def open_small(path: Path, side: int) -> SmallCopy:
    """Read a picture that fits a square; most kinds need little memory, however large they are.

    Args:
        side: of the square, in pixels. A smaller picture stays as it is.

    Raises:
        ImageError: the file is missing, unreadable, no image, damaged or too large.
    """
    with open_rows(path, LARGEST) as rows:
        if rows is not None:
            image = image_from(Picture.from_pixels(rows.shrunk(side)))
            return SmallCopy(image, rows.width, rows.height, 1, _carried(rows.facts))
    picture = open_picture(path, _LARGEST_WHOLE)
    image = image_from(picture)
    image.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=2.0)
    frames = 1 + len(picture.following)
    return SmallCopy(image, picture.width, picture.height, frames, _carried(picture))


def _carried(picture: Picture) -> tuple[str, ...]:
    return tuple(words for field, words in _CARRIED.items() if getattr(picture, field))
