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
    exif: bool = False
    """Whether Pillow writes EXIF into it as it was read."""
    options: dict[str, Any] = field(default_factory=dict)
    """What Pillow's `save` is told."""


FORMATS = {
    item.name: item
    for item in (
        # level 1 takes a fifth of the default's time for an eighth more bytes on photographs
        Format("png", "PNG", (".png",), exif=True, options={"compress_level": 1}),
        # full chroma: an enlarged picture shows subsampled colour edges
        Format(
            "jpg",
            "JPEG",
            (".jpg", ".jpeg", ".jpe", ".jfif"),
            lossy=True,
            alpha=False,
            exif=True,
            options={"subsampling": 0, "optimize": False},
        ),
        Format("webp", "WEBP", (".webp",), lossy=True, exif=True, options={"method": 4}),
        Format("tiff", "TIFF", (".tif", ".tiff"), options={"compression": "tiff_adobe_deflate"}),
        Format("bmp", "BMP", (".bmp", ".dib")),
    )
}
"""By name; `-f` offers them in this order."""

READABLE = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "DIB")
"""The only decoders a file is shown to. MPO is a JPEG with more pictures behind the first."""

_BY_EXTENSION = {extension: item for item in FORMATS.values() for extension in item.extensions}


def format_of(path: Path) -> Format | None:
    """Return the format that a file's name promises, None if it is no known image name."""
    return _BY_EXTENSION.get(path.suffix.lower())
