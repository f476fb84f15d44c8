"""From a file to a Picture: upright, RGB or grey with alpha, nothing dropped silently."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from upscaler.errors import ImageError, PassingError
from upscaler.images.formats import READABLE
from upscaler.images.picture import Picture

# what Pillow's decoders raise on damaged or hostile input
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by its EXIF orientation; any other value means it is."""


def picture_size(path: Path) -> tuple[int, int]:
    """Return (width, height) from the file's header alone, before any rotation.

    Raises:
        ImageError: the file is missing, unreadable or no image.
    """
    with _opened(path) as image:
        return image.size


def open_picture(path: Path) -> Picture:
    """Read one image file.

    Raises:
        ImageError: the file is missing, unreadable, no image, damaged, animated or too large.
    """
    with _opened(path) as image:
        return picture_from(image)


def picture_from(image: Image.Image) -> Picture:
    """Turn an open Pillow image into a Picture.

    Raises:
        ImageError: the image is animated, or its pixels are damaged.
    """
    if not image.width or not image.height:
        raise ImageError(f"has no pixels: {image.width}x{image.height}")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # a JPEG with more pictures behind the first
        raise ImageError(f"has {frames} frames; animations and multi-page files are not supported")
    notes: list[str] = []
    if frames > 1:
        notes.append(f"kept the main picture of {frames} (a gain map or preview is dropped)")
    if _is_deep(image):
        notes.append("reduced to 8 bits per channel")
    upright, exif = _upright(image, notes)
    upright, icc = _rgb_or_grey(upright, upright.info.get("icc_profile"), notes)
    return Picture.from_pixels(np.asarray(upright), icc=icc, exif=exif, warnings=tuple(notes))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with _unchanged(path) as file, Image.open(file, formats=READABLE) as image:
            yield image
    except UnidentifiedImageError:
        if path.stat().st_size == 0:
            raise ImageError("the file is empty") from None
        raise ImageError(
            "not an image that can be read (PNG, JPEG, WebP, TIFF, BMP), or its header is damaged"
        ) from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise ImageError(f"larger than the limit of {limit:.0f} million pixels") from None
    except MemoryError:
        raise PassingError("does not fit into memory") from None
    except _DECODE_ERRORS as error:
        if isinstance(error, OSError) and error.strerror:
            raise PassingError(f"cannot be read: {error.strerror}") from None
        raise ImageError(f"damaged: {error or type(error).__name__}") from None


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
        after = os.fstat(number)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise PassingError("changed while it was being read")


def _is_deep(image: Image.Image) -> bool:
    """Whether the file has more than 8 bits, which Pillow cuts off for colour without a word."""
    if image.mode.startswith("I;16"):
        return True
    tiles = getattr(image, "tile", None) or []
    layouts = [tile.args if isinstance(tile.args, str) else (tile.args or "-")[0] for tile in tiles]
    # BGR;16 is a BMP of five or six bits a channel
    return any(";16" in str(layout) and layout != "BGR;16" for layout in layouts)


def _upright(image: Image.Image, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """Apply the EXIF orientation once; return the image and its EXIF without that tag."""
    image.load()
    upright, kept = image, None
    try:
        exif = image.getexif()
        transpose = _TRANSPOSE.get(exif.pop(ExifTags.Base.Orientation, 1))
        if transpose is not None:
            upright = image.transpose(transpose)
            upright.info = image.info
        if exif and image.format != "TIFF":  # TIFF keeps its own structure in the same table
            kept = exif.tobytes()
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises almost anything on malformed EXIF
        notes.append(f"malformed EXIF dropped ({type(error).__name__})")
    return upright, kept


def _rgb_or_grey(
    image: Image.Image, icc: bytes | None, notes: list[str]
) -> tuple[Image.Image, bytes | None]:
    """Bring any mode to L, LA, RGB or RGBA at 8 bits; return it with the profile it is now in."""
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image, icc
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image, icc, notes)
    if image.mode.startswith("I;16"):
        return _from_deep_grey(image), icc
    if image.mode in ("I", "F"):
        raise ImageError("holds pixels of 32 bits a channel, which are not supported")
    if image.mode in ("LAB", "HSV", "YCbCr"):
        notes.append(f"converted from {image.mode} to RGB")
        return image.convert("RGB"), None
    transparent = image.has_transparency_data
    if image.mode in ("1", "L", "LA", "La"):
        return image.convert("LA" if transparent else "L"), icc
    return image.convert("RGBA" if transparent else "RGB"), icc


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Bring 16 bits of grey to 8, a transparent value to alpha."""
    values = np.asarray(image)
    grey = np.rint(values / 257).astype(np.uint8)
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return Image.fromarray(grey)
    return Image.fromarray(np.stack([grey, np.where(values == key, 0, 255).astype(np.uint8)], 2))


def _cmyk_to_rgb(
    image: Image.Image, icc: bytes | None, notes: list[str]
) -> tuple[Image.Image, bytes | None]:
    """Convert by the embedded profile to sRGB; without one, by the plain formula, and say so."""
    try:
        if icc:
            srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
            if converted is not None:
                notes.append("converted from CMYK to sRGB")
                return converted, _timeless(srgb.tobytes())
    except (ImageCms.PyCMSError, OSError) as error:
        notes.append(f"unusable CMYK profile ({error})")
    notes.append("converted from CMYK without a profile; colours may differ")
    return image.convert("RGB"), None


def _timeless(profile: bytes) -> bytes:
    """Blank the time of making in an ICC header: the same input must give the same bytes."""
    return profile[:24] + bytes(12) + profile[36:]
