"""From a Picture to a file that appears whole or not at all."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from upscaler.errors import PassingError
from upscaler.images.deep import write_deep_tiff
from upscaler.images.formats import Format
from upscaler.images.picture import Picture
from upscaler.images.png import exif_chunk, icc_chunk, write_png

_PREFIX, _SUFFIX = ".upscaler-", ".part"
"""Of the hidden names under which files grow."""

_FULL_CHROMA = 90
"""The quality from which a JPEG keeps its colour at full resolution."""

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


@dataclass(frozen=True)
class Encoding:
    """How outputs are written, beside their format."""

    quality: int = 95
    """Of the lossy formats, 1 to 100."""
    png_level: int = 1
    """From fast (1) to small (9)."""


def save_picture(
    picture: Picture, path: Path, kind: Format, encoding: Encoding = Encoding()
) -> tuple[str, ...]:
    """Write `picture` to `path` through a temporary file in the same folder, synced, renamed.

    Returns:
        What the format could not keep, a phrase each.

    Raises:
        PassingError: the file cannot be encoded or written; no trace of it is left.
    """
    options, warnings = _options(picture, kind, encoding)
    with _whole_or_not_at_all(path) as file:
        if kind.name == "png":
            _write_png(file, picture, options, encoding.png_level)
        elif kind.name == "tiff" and picture.is_deep:
            write_deep_tiff(file, np.asarray(picture.pixels, np.uint16), picture.icc)
        else:
            _opaque_if_needed(picture, kind).save(file, kind.pillow, **options)
    return tuple(warnings)


def copy_file(source: Path, path: Path) -> None:
    """Copy a written picture, the way it was written.

    Raises:
        PassingError: it cannot be read or written; no trace of the copy is left.
    """
    with _whole_or_not_at_all(path) as file, source.open("rb") as original:
        shutil.copyfileobj(original, file)


@contextmanager
def _whole_or_not_at_all(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes its name when it is complete, synced, and nothing went wrong."""
    # named before it exists: an interrupt in between must find what to remove
    temporary = path.parent / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # see `sweep`
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, ValueError) as error:
        raise PassingError(f"cannot write {path}: {_reason(error)}") from None
    finally:
        with suppress(OSError):  # it has its name by now, or never was
            temporary.unlink()


def _write_png(file: IO[bytes], picture: Picture, options: dict[str, Any], level: int) -> None:
    chunks = []
    if "icc_profile" in options:
        chunks.append(icc_chunk(options["icc_profile"]))
    if "exif" in options:
        chunks.append(exif_chunk(options["exif"]))
    write_png(file, picture.pixels, level=level, chunks=chunks)


def _opaque_if_needed(picture: Picture, kind: Format) -> Image.Image:
    """Return the Pillow image, on white where the format has no transparency."""
    image = image_from(picture)
    if picture.alpha is None or kind.alpha:
        return image
    background = Image.new("RGBA", image.size, "white")
    flat = Image.alpha_composite(background, image.convert("RGBA"))
    return flat.convert(image.mode.removesuffix("A"))


def image_from(picture: Picture) -> Image.Image:
    """Return the pixels of a Picture as a Pillow image of 8 bits (L, LA, RGB or RGBA)."""
    pixels = picture.pixels
    if picture.is_deep:
        pixels = np.rint(pixels / 257).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _options(
    picture: Picture, kind: Format, encoding: Encoding
) -> tuple[dict[str, Any], list[str]]:
    """Return what Pillow's `save` is told, and what of the picture the format cannot hold."""
    options, lost = dict(kind.options), []
    if kind.lossy:
        options["quality"] = encoding.quality
    if kind.name == "jpg":  # an enlarged picture shows halved colour at its edges
        options["subsampling"] = "4:4:4" if encoding.quality >= _FULL_CHROMA else "4:2:0"
    if picture.is_deep and not kind.deep:
        lost.append(f"{kind.name} holds 8 bits a channel: reduced from 16")
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
