"""The image formats that are read and written, and how each is written."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Format:
    """One file format."""

    name: str
    """As `--format` knows it."""
    pillow: str
    """As Pillow knows it."""
    extensions: tuple[str, ...]
    """Lower case; the first is what a converted file gets."""
    lossy: bool = False
    alpha: bool = True
    icc: bool = True
    exif: bool = False
    """Whether Pillow writes EXIF into it as it was read."""
    deep: bool = False
    """Whether it holds 16 bits a channel."""
    largest_side: int | None = None
    """Of a picture, in pixels, if the format has a limit."""
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    """What Pillow's `save` is told."""


FORMATS = {
    item.name: item
    for item in (
        Format("png", "PNG", (".png",), exif=True, deep=True),  # written by `images.png`
        Format(
            "jpg",
            "JPEG",
            (".jpg", ".jpeg", ".jpe", ".jfif"),
            lossy=True,
            alpha=False,
            exif=True,
            largest_side=65500,
        ),
        Format(
            "webp",
            "WEBP",
            (".webp",),
            lossy=True,
            exif=True,
            largest_side=16383,
            options={"method": 4},
        ),
        Format(
            "tiff",
            "TIFF",
            (".tif", ".tiff"),
            deep=True,
            options={"compression": "tiff_adobe_deflate"},
        ),
        # Pillow writes transparency into BMP, but neither it nor most others read it back
        Format("bmp", "BMP", (".bmp", ".dib"), alpha=False, icc=False),
    )
}
"""By name; `-f` offers them in this order."""

READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB")
"""The only decoders a file is shown to."""

_BY_EXTENSION = {extension: item for item in FORMATS.values() for extension in item.extensions}


def format_of(path: Path) -> Format | None:
    """Return the format that a file's name promises, None if it is no known image name."""
    return _BY_EXTENSION.get(path.suffix.lower())
