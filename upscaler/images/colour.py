"""From any of Pillow's modes to grey or RGB, with transparency, and the profile it is then in."""

import io
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from upscaler.errors import ImageError
from upscaler.images.code_points import CodePoints
from upscaler.images.gamma import profile_from
from upscaler.images.icc import is_of_grey, of_other_kind
from upscaler.images.isobmff import main_picture
from upscaler.images.picture import eight_bits
from upscaler.images.png import code_points

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

_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B")


def upright_image(image: Image.Image, orientation: int) -> Image.Image:
    """Turn a Pillow image upright."""
    if orientation not in _TRANSPOSE:
        return image
    upright = image.transpose(_TRANSPOSE[orientation])
    upright.info = image.info
    return upright


def upright_pixels(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn (H, W, C) upright."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def code_points_of(image: Image.Image, file: IO[bytes] | None) -> CodePoints | None:
    """Return the code points by which a file gives its colours, if they count.

    Those of a PNG go before its ICC profile, those of AVIF and HEIC come after it.

    Args:
        file: that the image was opened from, if from one.
    """
    if file is not None and image.format == "PNG":
        return code_points(file)
    if file is not None and image.format in ("AVIF", "HEIF") and not image.info.get("icc_profile"):
        return main_picture(file).code_points
    return None


def profile_of(image: Image.Image, file: IO[bytes] | None = None) -> bytes | None:
    """Return the ICC profile of a file, or one made of its code points, gamma or chromaticities.

    Args:
        file: that the image was opened from, if from one.
    """
    points = code_points_of(image, file)
    if points is not None and points.has_profile:
        return points.profile(grey=image.mode in _GREY)
    profile = image.info.get("icc_profile")
    if profile or image.format != "PNG" or "srgb" in image.info:
        return profile or None
    gamma, points = image.info.get("gamma"), image.info.get("chromaticity")
    return profile_from(gamma, points, grey=image.mode in _GREY) if gamma or points else None


def rgb_or_grey(
    image: Image.Image, icc: bytes | None, notes: list[str]
) -> tuple[Image.Image, bytes | None]:
    """Bring any mode to L, LA, RGB or RGBA at 8 bits; return it with the profile it is now in.

    Args:
        notes: takes what had to be converted, a phrase each.

    Raises:
        ImageError: pixels of 32 bits, or a broken CMYK profile.
    """
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image, icc
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image, icc, notes)
    if image.mode.startswith("I;16"):
        return _from_sixteen_bit_grey(image), icc
    if image.mode in ("I", "F"):
        raise ImageError("holds pixels of 32 bits a channel, which are not supported")
    if image.mode in ("LAB", "HSV", "YCbCr"):
        notes.append(f"converted from {image.mode} to RGB")
        return image.convert("RGB"), None
    transparent = image.has_transparency_data
    if image.mode in ("1", "L", "LA", "La"):
        return image.convert("LA" if transparent else "L"), icc
    return image.convert("RGBA" if transparent else "RGB"), icc


def fitting_profile(icc: bytes | None, channels: int, notes: list[str]) -> bytes | None:
    """Return the profile of a picture; one for grey where it has no colours, and only there.

    Args:
        channels: of the picture, 1 to 4.
        notes: takes what had to be dropped.
    """
    if icc is None or (channels < 3) == is_of_grey(icc):
        return icc
    fitting = of_other_kind(icc)
    if fitting is None:
        kind = "grey" if channels < 3 else "colour"
        notes.append(f"its ICC profile is not one for {kind} pictures: dropped")
    return fitting


def _from_sixteen_bit_grey(image: Image.Image) -> Image.Image:
    """Bring 16 bits of grey to 8, a transparent value to alpha."""
    values = np.asarray(image)
    grey = eight_bits(values)
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return Image.fromarray(grey)
    return Image.fromarray(np.stack([grey, np.where(values == key, 0, 255).astype(np.uint8)], 2))


def _cmyk_to_rgb(
    image: Image.Image, icc: bytes | None, notes: list[str]
) -> tuple[Image.Image, bytes | None]:
    """Convert by the embedded profile to sRGB; without one, by the plain formula, with a note."""
    if not icc or (icc[36:40] == b"acsp" and icc[16:20] != b"CMYK"):  # none, or that of an RGB
        notes.append("converted from CMYK without a profile; colours may differ")
        return image.convert("RGB"), None
    try:
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
        assert converted is not None
    except (ImageCms.PyCMSError, OSError) as error:
        raise ImageError(f"its CMYK profile is broken ({error}); convert it to RGB first") from None
    notes.append("converted from CMYK to sRGB")
    return converted, _timeless(srgb.tobytes())


def _timeless(profile: bytes) -> bytes:
    """Blank the time of making in an ICC header: the same input must give the same bytes."""
    return profile[:24] + bytes(12) + profile[36:]
