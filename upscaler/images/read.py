"""From a file to a Picture: upright, RGB or grey with alpha, nothing dropped silently."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from upscaler.errors import ImageError, PassingError
from upscaler.images.deep import DEEP_FORMATS, DeepFile
from upscaler.images.formats import READABLE
from upscaler.images.picture import Picture

# what Pillow's decoders raise on damaged or hostile input
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)

_TIFF = (b"II*\0", b"MM\0*")
"""How TIFF files begin."""

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
    with _opened(path) as (image, file):
        return image.size if image else _deep_tiff(file).size


def open_picture(path: Path) -> Picture:
    """Read one image file.

    Raises:
        ImageError: the file is missing, unreadable, no image, damaged, animated or too large.
    """
    with _opened(path) as (image, file):
        if image is None:
            deep = _deep_tiff(file)
            notes = _one_of(deep.frames, "TIFF")
            orientation, exif, icc = deep.orientation, None, deep.icc
        elif _is_deep(image) and image.format in DEEP_FORMATS:
            notes = _one_of(getattr(image, "n_frames", 1), image.format)
            orientation, exif = _exif(image, notes)
            icc = image.info.get("icc_profile")
            file.seek(0)
            deep = DeepFile(file.read(), image.format)
        else:
            return picture_from(image)
        pixels = _upright_pixels(deep.pixels(), orientation)
        return Picture.from_pixels(pixels, icc=icc, exif=exif, warnings=tuple(notes))


def _deep_tiff(file: IO[bytes]) -> DeepFile:
    """Open what Pillow knows nothing of, such as 16 bits of grey with transparency."""
    file.seek(0)
    return DeepFile(file.read(), "TIFF")


def picture_from(image: Image.Image) -> Picture:
    """Turn an open Pillow image into a Picture; what Pillow holds is of 8 bits.

    Raises:
        ImageError: the image is animated, or its pixels are damaged.
    """
    if not image.width or not image.height:
        raise ImageError(f"has no pixels: {image.width}x{image.height}")
    notes = _one_of(getattr(image, "n_frames", 1), image.format)
    if _is_deep(image):
        notes.append("reduced to 8 bits per channel")
    image.load()
    orientation, exif = _exif(image, notes)
    upright = image
    if orientation in _TRANSPOSE:
        upright = image.transpose(_TRANSPOSE[orientation])
        upright.info = image.info
    upright, icc = _rgb_or_grey(upright, upright.info.get("icc_profile"), notes)
    return Picture.from_pixels(np.asarray(upright), icc=icc, exif=exif, warnings=tuple(notes))


def _one_of(frames: int, kind: str | None) -> list[str]:
    """Refuse what has frames; return what is said of further pictures behind the main one."""
    if frames > 1 and kind != "MPO":  # a JPEG with more pictures behind the first
        raise ImageError(f"has {frames} frames; animations and multi-page files are not supported")
    if frames > 1:
        return [f"kept the main picture of {frames} (a gain map or preview is dropped)"]
    return []


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Image.Image | None, IO[bytes]]]:
    """Give a file, and the Pillow image in it; None for a TIFF that Pillow knows nothing of."""
    try:
        with _unchanged(path) as file:
            yield _identified(file), file
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


def _identified(file: IO[bytes]) -> Image.Image | None:
    try:
        return Image.open(file, formats=READABLE)
    except UnidentifiedImageError:
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


def _exif(image: Image.Image, notes: list[str]) -> tuple[int, bytes | None]:
    """Return the orientation, 1 for upright, and the EXIF without that tag."""
    orientation, kept = 1, None
    try:
        exif = image.getexif()
        orientation = exif.pop(ExifTags.Base.Orientation, 1)
        if exif and image.format != "TIFF":  # TIFF keeps its own structure in the same table
            kept = exif.tobytes()
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises almost anything on malformed EXIF
        notes.append(f"malformed EXIF dropped ({type(error).__name__})")
    return orientation, kept


def _upright_pixels(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn (H, W, C) upright."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


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
