"""A file opened as an image: what it is, and what goes wrong with it in our own words."""

import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn

from PIL import Image, UnidentifiedImageError

from upscaler.errors import ImageError, PassingError
from upscaler.hardware import system
from upscaler.images.failure import reading_failed
from upscaler.images.formats import FORMATS, READABLE, Format
from upscaler.images.heic import is_heic, open_heic
from upscaler.images.jpeg_end import with_its_end
from upscaler.images.jxl import is_jxl, open_jxl
from upscaler.images.limits import MAX_PIXELS, check_pixels
from upscaler.images.psd import refuse_psd
from upscaler.images.raw import refuse_raw

# what Pillow's decoders raise on damaged or hostile input
_DECODE_ERRORS = (
    ArithmeticError,
    AssertionError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)

_TIFF = (b"II*\0", b"MM\0*")
"""How TIFF files begin."""


@contextmanager
def opened(path: Path, max_pixels: int) -> Iterator[tuple[Image.Image | None, IO[bytes]]]:
    """Give a file, and the Pillow image in it; None for a TIFF that Pillow knows nothing of.

    Args:
        max_pixels: for the message, if Pillow refuses the file. To check it is the caller's.

    Raises:
        ImageError: it is missing, unreadable or no image, or what the caller does with it fails.
    """
    try:
        with _unchanged(path) as file:
            try:
                yield _identified(file, path, max_pixels), file
            except _DECODE_ERRORS as error:
                _raise_in_our_words(error, file)
    except UnidentifiedImageError:
        if path.stat().st_size == 0:
            raise ImageError("the file is empty") from None
        raise ImageError(
            "not an image that can be read (PNG, JPEG, WebP, TIFF, AVIF, BMP, GIF, PNM, ICO, "
            "TARGA, DDS, JPEG 2000, PSD), or its header is damaged"
        ) from None
    except Image.DecompressionBombError as error:
        _refuse_as_pillow(str(error), max_pixels)
    except MemoryError:
        raise PassingError("does not fit into memory") from None
    except OSError as error:
        raise PassingError(f"cannot be read: {error.strerror or error}") from None


def held_format(path: Path) -> Format:
    """Return the format in which an input without a name comes out: its own, or PNG."""
    found = "PNG"
    with suppress(ImageError), opened(path, MAX_PIXELS) as (image, _):
        found = "TIFF" if image is None else image.format or found
    held = "JPEG" if found == "MPO" else found
    return next((kind for kind in FORMATS.values() if kind.pillow == held), FORMATS["png"])


def _raise_in_our_words(error: Exception, file: IO[bytes]) -> NoReturn:
    """Raise what a decoder raised as an error for people; what is their own cause goes through."""
    if isinstance(error, UnidentifiedImageError) or (isinstance(error, OSError) and error.strerror):
        raise error
    words = str(error) if isinstance(error, OSError | ValueError | SyntaxError) else ""
    if isinstance(error, NotImplementedError):
        words = str(error) or "not implemented"
    if "MAX_TEXT_CHUNK" in words:
        raise PassingError(
            "its colour profile or text is larger than the limit that Pillow has in this "
            "process; PIL.PngImagePlugin.MAX_TEXT_CHUNK sets it"
        ) from None
    raise reading_failed(words or type(error).__name__, file) from None


def _refuse_as_pillow(message: str, max_pixels: int) -> NoReturn:
    """Raise our own error for Pillow's about too many pixels, by our limit or by Pillow's."""
    pixels, limit = (int(number) for number in re.findall(r"\d+", message)[:2])
    check_pixels(pixels, max_pixels)
    raise PassingError(
        f"{pixels} pixels are more than the limit of {limit} that Pillow has in this process; "
        "PIL.Image.MAX_IMAGE_PIXELS sets it"
    )


def _identified(file: IO[bytes], path: Path, max_pixels: int) -> Image.Image | None:
    refuse_raw(file)
    refuse_psd(file)
    file.seek(0)
    # TARGA has no mark of its own, so that it would take anything
    formats = (*READABLE, "TGA") if path.suffix.lower() == ".tga" else READABLE
    try:
        image = Image.open(file, formats=formats)
    except UnidentifiedImageError:
        if is_heic(file):
            return open_heic(file)
        if is_jxl(file):
            return open_jxl(file, max_pixels)
        file.seek(0)
        if file.read(len(_TIFF[0])) in _TIFF:
            return None
        raise
    return with_its_end(image, file, max_pixels)


@contextmanager
def _unchanged(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that is no pipe, which might never end, and stays as it is while it is read."""
    with system.open_to_read(path) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise ImageError("is not a regular file")
        yield file
        check_unchanged(file, before)


def check_unchanged(file: IO[bytes], before: os.stat_result) -> None:
    """Raise PassingError if somebody wrote into an open file since it was looked at."""
    after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise PassingError("changed while it was being read")
