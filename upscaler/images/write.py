"""From a Picture to a file that appears whole or not at all."""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from upscaler.errors import PassingError
from upscaler.images.formats import Format
from upscaler.images.picture import Picture

_PREFIX, _SUFFIX = ".upscaler-", ".part"
"""Of the hidden names under which files grow."""

_LARGEST_EXIF = 65533
"""In bytes: what one JPEG segment holds."""


def sweep(folder: Path) -> None:
    """Remove what a killed run left half-written: whoever still writes holds a lock on it."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
        except OSError:
            continue


def save_picture(picture: Picture, path: Path, kind: Format, quality: int) -> tuple[str, ...]:
    """Write `picture` to `path` through a temporary file in the same folder, synced, renamed.

    Args:
        quality: 1 to 100, for the lossy formats.

    Returns:
        What the format could not keep, a phrase each.

    Raises:
        PassingError: the file cannot be encoded or written; no trace of it is left.
    """
    image = image_from(picture)
    options, warnings = _options(picture, kind, quality)
    if picture.alpha is not None and not kind.alpha:
        background = Image.new("RGBA", image.size, "white")
        flat = Image.alpha_composite(background, image.convert("RGBA"))
        image = flat.convert(image.mode.removesuffix("A"))
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=_PREFIX, suffix=_SUFFIX, delete=False
        ) as file:
            temporary = Path(file.name)
            fcntl.flock(file, fcntl.LOCK_EX)  # see `sweep`
            image.save(file, kind.pillow, **options)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_UMASK)
        os.replace(temporary, path)
    except (OSError, ValueError) as error:
        raise PassingError(f"cannot write {path}: {_reason(error)}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return tuple(warnings)


def image_from(picture: Picture) -> Image.Image:
    """Return the pixels of an 8-bit Picture as a Pillow image (L, LA, RGB or RGBA)."""
    pixels = picture.pixels
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _options(picture: Picture, kind: Format, quality: int) -> tuple[dict[str, Any], list[str]]:
    """Return what Pillow's `save` is told, and what of the picture the format cannot hold."""
    options, lost = dict(kind.options), []
    if kind.lossy:
        options["quality"] = quality
    if picture.alpha is not None and not kind.alpha:
        lost.append(f"{kind.name} has no transparency: laid on white")
    if picture.icc and kind.icc:
        options["icc_profile"] = picture.icc
    elif picture.icc:
        lost.append(f"{kind.name} has no ICC profile: dropped")
    if picture.exif and kind.exif and len(picture.exif) <= _LARGEST_EXIF:
        options["exif"] = picture.exif
    elif picture.exif:
        lost.append(f"EXIF of {len(picture.exif)} bytes is not written to {kind.name}: dropped")
    return options, lost


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _current_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


# read once, while there is one thread: the only way to read it is to change it
_UMASK = _current_umask()
