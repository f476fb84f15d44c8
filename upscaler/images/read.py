"""From a file to a Picture: upright, RGB or grey with alpha, nothing dropped silently."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from upscaler.errors import ImageError
from upscaler.images.formats import READABLE
from upscaler.images.picture import Picture, Pixels

# what Pillow's decoders raise on hostile input: 60,000 fuzzed files raised nothing else
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


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
    colour, alpha = _split_alpha(np.asarray(upright))
    return Picture(colour=colour, alpha=alpha, icc=icc, exif=exif, warnings=tuple(notes))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=READABLE) as image:
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
        raise ImageError("does not fit into memory") from None
    except _DECODE_ERRORS as error:
        raise ImageError(_reason(error)) from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return f"damaged: {error}" if str(error) else f"damaged ({type(error).__name__})"


def _is_deep(image: Image.Image) -> bool:
    """Whether the file has more than 8 bits, which Pillow cuts off for colour without a word."""
    if image.mode.startswith("I") or image.mode == "F":
        return True
    tiles = getattr(image, "tile", None) or []
    layouts = (tile.args if isinstance(tile.args, str) else tile.args[0] for tile in tiles)
    return any(";16" in str(layout) for layout in layouts)


def _upright(image: Image.Image, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """Apply the EXIF orientation once; return the image and its EXIF without that tag."""
    image.load()
    try:
        turned = ImageOps.exif_transpose(image)
        exif = turned.getexif()
        exif.pop(ExifTags.Base.Orientation, None)
        # TIFF keeps its own structure in the same table: that is not the picture's story
        kept = exif.tobytes() if exif and image.format != "TIFF" else None
    except Exception as error:  # Pillow raises almost anything on malformed EXIF
        notes.append(f"malformed EXIF dropped ({type(error).__name__})")
        return image, None
    return turned, kept


def _rgb_or_grey(
    image: Image.Image, icc: bytes | None, notes: list[str]
) -> tuple[Image.Image, bytes | None]:
    """Bring any mode to L, LA, RGB or RGBA at 8 bits; return it with the profile it is now in."""
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image, icc
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image, icc, notes)
    if image.mode.startswith("I"):
        return _from_deep_grey(image), icc
    if image.mode == "F":
        raise ImageError("holds floating-point pixels, which are not supported")
    if image.mode in ("LAB", "HSV", "YCbCr"):
        return image.convert("RGB"), None
    transparent = image.has_transparency_data
    if image.mode in ("1", "L", "LA", "La"):
        return image.convert("LA" if transparent else "L"), icc
    return image.convert("RGBA" if transparent else "RGB"), icc


def _from_deep_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.float64)
    return Image.fromarray(np.clip(np.rint(values / 257), 0, 255).astype(np.uint8))


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
                return converted, srgb.tobytes()
    except (ImageCms.PyCMSError, OSError) as error:
        notes.append(f"unusable CMYK profile ({error})")
    notes.append("converted from CMYK without a profile; colours may differ")
    return image.convert("RGB"), None


def _split_alpha(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    if pixels.ndim == 2:
        return pixels[..., None], None
    channels = pixels.shape[2]
    if channels in (2, 4):
        return pixels[..., : channels - 1], pixels[..., channels - 1 :]
    return pixels, None
