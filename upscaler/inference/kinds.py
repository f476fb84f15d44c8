"""What Python users hand in, and get back larger as the same kind of thing."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler.errors import ImageError
from upscaler.images import Picture, image_from, open_picture, picture_from

Pixels = NDArray[Any]

Same = TypeVar("Same", Image.Image, NDArray[np.uint8], NDArray[np.uint16])

Enlarge = Callable[[Picture], Picture]


class Tensor(Protocol):
    """A tensor of torch, as far as it is used here; torch itself is not needed."""

    def detach(self) -> Self:
        """Return it without its history."""

    def new_tensor(self, data: Any) -> Self:
        """Return a tensor of the same type on the same device."""


AnyTensor = TypeVar("AnyTensor", bound=Tensor)


def is_tensor(given: object) -> bool:
    """Whether something is a tensor of torch."""
    return type(given).__module__.partition(".")[0] == "torch"


_BEYOND = 0.5
"""What floats are beyond [0, 1] at most; more than that, as 0 to 255, is meant otherwise."""


def larger_file(path: str | os.PathLike[str], enlarge: Enlarge) -> Image.Image:
    """Return what becomes of an image file, as a Pillow image that stands upright.

    Raises:
        ImageError: it cannot be read, or has several frames.
    """
    try:
        source = open_picture(Path(path))
    except ImageError as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from error
    if source.following:
        raise ImageError(
            f"{os.fspath(path)}: has {len(source.following) + 1} frames; upscale_folder takes it"
        )
    return _image(source, enlarge(source))


def larger_image(image: Image.Image, enlarge: Enlarge) -> Image.Image:
    """Return what becomes of a Pillow image; one of 16 bits (I;16) keeps them."""
    if image.mode.startswith("I;16"):
        grey = larger_array(np.asarray(image).astype(np.uint16), enlarge)
        result = Image.fromarray(grey)
        result.info |= image.info
        return result
    source = picture_from(image)
    return _image(source, enlarge(source))


def larger_array(pixels: Pixels, enlarge: Enlarge) -> Pixels:
    """Return what becomes of an array, (H, W) or (H, W, C), uint8 or uint16.

    Raises:
        ImageError: it is something else.
    """
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"the array is {pixels.dtype}; give uint8 or uint16")
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or channels > 4:
        raise ImageError(f"the array has shape {pixels.shape}; give (H, W) or (H, W, 1 to 4)")
    large: Pixels = enlarge(Picture.from_pixels(pixels)).pixels
    return large[..., 0] if pixels.ndim == 2 else large


def larger_tensor(tensor: AnyTensor, enlarge: Enlarge) -> AnyTensor:
    """Return what becomes of a tensor, (C, H, W) or (N, C, H, W), uint8 or floats in [0, 1].

    Floats are computed in steps of 1/65535. What is a little beyond, as after a bicubic filter, is
    cut off.

    Raises:
        ImageError: it is something else.
    """
    plain: Any = tensor.detach()
    floats = bool(plain.is_floating_point())
    values: Pixels = (plain.float() if floats else plain).cpu().numpy()
    if values.ndim not in (3, 4) or 0 in values.shape:
        raise ImageError(f"the tensor has shape {values.shape}; give (C, H, W) or (N, C, H, W)")
    if floats:
        if not np.isfinite(values).all():
            raise ImageError("the tensor holds values that are no numbers; give 0 to 1")
        least, most = values.min(), values.max()
        if least < -_BEYOND or most > 1 + _BEYOND:
            raise ImageError(f"the tensor's values go from {least:.3g} to {most:.3g}; give 0 to 1")
        values = np.rint(values.clip(0, 1) * 65535).astype(np.uint16)
    pictures = np.moveaxis(values if values.ndim == 4 else values[None], 1, 3)
    large = np.stack([larger_array(pixels, enlarge) for pixels in pictures])
    large = np.ascontiguousarray(np.moveaxis(large, 3, 1))
    if floats:
        large = large / np.float32(65535)
    return tensor.new_tensor(large if values.ndim == 4 else large[0])


def _image(source: Picture, large: Picture) -> Image.Image:
    """Return a Picture as a Pillow image, which holds 16 bits of grey only."""
    for warning in large.warnings:
        warnings.warn(warning, stacklevel=4)
    if large.is_sixteen_bit and large.shape[2] == 1:
        image = Image.fromarray(large.pixels[..., 0])
    else:
        if large.is_sixteen_bit:
            warnings.warn("Pillow holds 8 bits of colour; arrays keep 16", stacklevel=4)
        image = image_from(large)
    if source.icc:
        image.info["icc_profile"] = source.icc
    return image
