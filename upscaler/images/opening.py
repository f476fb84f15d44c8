"""A file opened as an image: what it is, and what goes wrong with it in our own words."""

import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from PIL import Image, UnidentifiedImageError

from upscaler.errors import ImageError, PassingError
from upscaler.images.formats import READABLE
from upscaler.images.heic import is_heic, open_heic

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


MAX_PIXELS = 250_000_000
"""In all frames of an input together, unless a run sets another limit."""


def check_pixels(pixels: int, limit: int, words: str = "") -> None:
    """Refuse more pixels than a limit.

    Args:
        words: how they are called in the message; by their number, if not given.

    Raises:
        PassingError: there are more; another run may have another limit.
    """
    if pixels > limit:
        text = words or f"{pixels} pixels"
        raise PassingError(f"{text} are more than the limit of {limit}; --max-pixels raises it")


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
            yield _identified(file), file
    except UnidentifiedImageError:
        if path.stat().st_size == 0:
            raise ImageError("the file is empty") from None
        raise ImageError(
            "not an image that can be read (PNG, JPEG, WebP, TIFF, AVIF, BMP, GIF, PNM, ICO), "
            "or its header is damaged"
        ) from None
    except Image.DecompressionBombError as error:
        _refuse_as_pillow(str(error), max_pixels)
    except MemoryError:
        raise PassingError("does not fit into memory") from None
    except _DECODE_ERRORS as error:
        if isinstance(error, OSError) and error.strerror:
            raise PassingError(f"cannot be read: {error.strerror}") from None
        words = str(error) if isinstance(error, OSError | ValueError | SyntaxError) else ""
        if "MAX_TEXT_CHUNK" in words:
            raise PassingError(
                "its colour profile or text is larger than the limit that Pillow has in this "
                "process; PIL.PngImagePlugin.MAX_TEXT_CHUNK sets it"
            ) from None
        raise ImageError(f"damaged: {words or type(error).__name__}") from None


def _refuse_as_pillow(message: str, max_pixels: int) -> NoReturn:
    """Raise our own error for Pillow's about too many pixels, by our limit or by Pillow's."""
    pixels, limit = (int(number) for number in re.findall(r"\d+", message)[:2])
    check_pixels(pixels, max_pixels)
    raise PassingError(
        f"{pixels} pixels are more than the limit of {limit} that Pillow has in this process; "
        "PIL.Image.MAX_IMAGE_PIXELS sets it"
    )


def _identified(file: IO[bytes]) -> Image.Image | None:
    try:
        return Image.open(file, formats=READABLE)
    except UnidentifiedImageError:
        if is_heic(file):
            return open_heic(file)
        file.seek(0)
        if file.read(len(_TIFF[0])) in _TIFF:
            return None
        raise


@contextmanager
def _unchanged(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that is no pipe, which might never end, and stays as it is while it is read."""
    # without O_NONBLOCK, opening a pipe would wait for somebody who writes into it
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        before = os.fstat(number)
        if not stat.S_ISREG(before.st_mode):
            raise ImageError("is not a regular file")
        yield file
        check_unchanged(file, before)


def check_unchanged(file: IO[bytes], before: os.stat_result) -> None:
    """Raise PassingError if somebody wrote into an open file since it was looked at."""
    after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise PassingError("changed while it was being read")
