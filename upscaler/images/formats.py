"""The image formats that are read and written, and what each can hold."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from upscaler.images.not_read import NOT_READ

Several = Literal["no", "animation", "pages"]


@dataclass(frozen=True)
class Format:
    """One file format that is written."""

    name: str
    """As `--format` knows it."""
    pillow: str
    """As Pillow knows it."""
    extensions: tuple[str, ...]
    """Lower case; the first is what a converted file gets."""
    holds: frozenset[str]
    """The fields of a Picture, beside its colour, that a file can carry."""
    bytes_a_pixel: float
    """About, of an enlarged photograph in 8 bits; measured on samples/ at x2 and x4."""
    lossy: bool = False
    sixteen_bit: bool = False
    """Whether it holds 16 bits a channel."""
    several: Several = "no"
    """Whether it holds more than one picture, and of which kind."""
    streamed: bool = False
    """Whether it is written from strips, so that a picture need not be whole in memory."""
    largest_side: int | None = None
    """Of a picture, in pixels, if the format has a limit."""
    largest: Mapping[str, int] = field(default_factory=dict, hash=False)
    """How many bytes a field of a Picture may have, where the format has a limit."""
    largest_dpi: float = math.inf
    """The most pixels per inch that it can hold."""
    grey: bool = True
    """Whether it knows pictures without colour, and the profiles of such."""


_ALL = frozenset({"alpha", "icc", "exif", "xmp", "iptc", "dpi", "text"})

FORMATS = {
    item.name: item
    for item in (
        Format(
            "png",
            "PNG",
            (".png", ".apng"),
            _ALL,
            1.5,
            sixteen_bit=True,
            several="animation",
            streamed=True,
        ),
        Format(
            "jpg",
            "JPEG",
            (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp"),
            _ALL - {"alpha"},
            0.4,
            lossy=True,
            streamed=True,
            largest_side=65500,
            # what one segment takes
            largest={"exif": 65533, "xmp": 65500, "iptc": 65500, "text": 65500},
            largest_dpi=65535,
        ),
        Format(
            "webp",
            "WEBP",
            (".webp",),
            frozenset({"alpha", "icc", "exif", "xmp"}),
            0.25,
            lossy=True,
            several="animation",
            largest_side=16383,
            grey=False,
        ),
        Format(
            "tiff",
            "TIFF",
            (".tif", ".tiff"),
            _ALL,
            1.5,
            sixteen_bit=True,
            several="pages",
            streamed=True,
        ),
        Format(
            "avif",
            "AVIF",
            (".avif",),
            frozenset({"alpha", "icc", "exif", "xmp"}),
            0.3,
            lossy=True,
            several="animation",
            largest_side=65535,
            grey=False,
        ),
        # Pillow writes transparency into BMP, but neither it nor most others read it back
        Format("bmp", "BMP", (".bmp", ".dib"), frozenset({"dpi"}), 3.0),
    )
}
"""By name; `-f` offers them in this order."""

READABLE = (
    *("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "BMP", "DIB", "GIF", "PPM", "ICO"),
    *("JPEG2000", "PSD", "DDS"),
)
"""The only decoders of Pillow that any file is shown to."""

_BY_EXTENSION = {extension: item for item in FORMATS.values() for extension in item.extensions}

_READ_ONLY = {
    **dict.fromkeys((".gif", ".ico", ".pbm", ".pgm", ".pnm", ".ppm", ".tga", ".dds"), "png"),
    **dict.fromkeys((".heic", ".heif", ".hif", ".jxl", ".psd"), "png"),
    **dict.fromkeys((".jp2", ".j2k", ".jpc", ".j2c", ".jpf", ".jpx"), "png"),
    ".mpo": "jpg",
    # as social networks call downloads
    **dict.fromkeys((".jpg_large", ".jpg_orig", ".jpeg_large", ".jpeg_orig"), "jpg"),
    **dict.fromkeys((".png_large", ".png_orig"), "png"),
}
"""Extensions that are read and not written: in which format they come out, if none is asked for.

PNG holds all that the others do.
"""


def format_of(path: Path) -> Format | None:
    """Return the format that a file's name promises, None if it is no name of one."""
    return _BY_EXTENSION.get(path.suffix.lower())


def kept_format(path: Path) -> Format | None:
    """Return the format in which an input comes out if none is asked for, None if it is no image.

    It is the input's own if that is written here, for most others that are read PNG.
    """
    becomes = _READ_ONLY.get(path.suffix.lower())
    return FORMATS[becomes] if becomes else format_of(path)


def is_image_name(path: Path) -> bool:
    """Whether a file's name is that of an image, in a format that is known here or not."""
    return kept_format(path) is not None or path.suffix.lower() in NOT_READ


def images_in(folder: Path, *, below: bool = False) -> list[Path]:
    """Return the files of a folder with the name of a format that is written, in order.

    What a run takes of a folder is another matter: see `batch.plan.listing`.

    Args:
        below: whether the folders in it count, too.

    Raises:
        OSError: the folder cannot be read.
    """
    found = folder.rglob("*") if below else folder.iterdir()
    return sorted(path for path in found if path.is_file() and format_of(path))
