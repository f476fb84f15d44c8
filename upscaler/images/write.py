"""From a Picture to a file that appears whole or not at all."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from upscaler.errors import ImageError
from upscaler.images.formats import Format
from upscaler.images.picture import Picture

TEMPORARY = ".upscaler-*.part"
"""The pattern of the hidden names under which files grow; one found later is a dead run's."""


def save_picture(picture: Picture, path: Path, kind: Format, quality: int) -> tuple[str, ...]:
    """Write `picture` to `path` through a temporary file in the same folder, synced, renamed.

    Args:
        quality: 1 to 100, for the lossy formats.

    Returns:
        What the format could not keep, a phrase each.

    Raises:
        ImageError: the file cannot be encoded or written; no trace of it is left.
    """
    image, warnings = _fitting(picture, kind)
    prefix, suffix = TEMPORARY.split("*")
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=prefix, suffix=suffix, delete=False
        ) as file:
            temporary = Path(file.name)
            image.save(file, kind.pillow, **_options(picture, kind, quality))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_UMASK)
        os.replace(temporary, path)
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot write {path}: {_reason(error)}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return warnings


def image_from(picture: Picture) -> Image.Image:
    """Return the pixels of an 8-bit Picture as a Pillow image (L, LA, RGB or RGBA)."""
    planes = [picture.colour] if picture.alpha is None else [picture.colour, picture.alpha]
    pixels = np.concatenate(planes, axis=2) if len(planes) > 1 else picture.colour
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _fitting(picture: Picture, kind: Format) -> tuple[Image.Image, tuple[str, ...]]:
    image = image_from(picture)
    if kind.alpha or picture.alpha is None:
        return image, ()
    background = Image.new("RGBA", image.size, "white")
    flat = Image.alpha_composite(background, image.convert("RGBA")).convert(image.mode[:-1])
    return flat, (f"{kind.name} has no transparency: laid on white",)


def _options(picture: Picture, kind: Format, quality: int) -> dict[str, Any]:
    options = dict(kind.options)
    if kind.lossy:
        options["quality"] = quality
    if picture.icc and kind.name != "bmp":
        options["icc_profile"] = picture.icc
    if picture.exif and kind.exif:
        options["exif"] = picture.exif
    return options


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _current_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


# read once, while there is one thread: the only way to read it is to change it
_UMASK = _current_umask()
