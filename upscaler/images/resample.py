"""From one size to a smaller one, in linear light: the sizes between the scales of the networks."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler.images.picture import Picture
from upscaler.images.wrapping import around

Floats = NDArray[np.float32]

_LOBES = 3
"""Of the filter: how far it sees, in pixels of the smaller picture."""


def resample(picture: Picture, width: int, height: int, *, wrap: bool = False) -> Picture:
    """Return a picture at another size, by Lanczos' filter of three lobes with antialiasing.

    Light is averaged, not the values of its pixels, or fine bright patterns would darken; colour
    counts by its opacity. The values are taken as sRGB encodes light.

    Args:
        wrap: whether the picture goes on at its edges with what is at the opposite ones.
    """
    size = width, height
    opacity: Floats | None = None
    if picture.alpha is not None:
        opacity = (picture.alpha[..., 0] / np.float32(picture.peak)).astype(np.float32)
    alpha = None if opacity is None else _resized(opacity, size, wrap=wrap).clip(0, 1)
    hides = not picture.alpha_is_data
    colour = np.empty((height, width, picture.colour.shape[2]), picture.colour.dtype)
    for channel in range(colour.shape[2]):  # one at a time: as floats they are large
        light = _light(picture.colour[..., channel])
        if opacity is not None and hides:
            light *= opacity
        light = _resized(light, size, wrap=wrap)
        if alpha is not None and hides:
            np.divide(light, alpha, out=light, where=alpha > 0)
        colour[..., channel] = _whole(_encoded(light.clip(0, 1)), picture)
    return picture.with_pixels(colour, None if alpha is None else _whole(alpha[..., None], picture))


def _resized(plane: Floats, size: tuple[int, int], *, wrap: bool) -> Floats:
    """Resize (H, W) to `size`, its width and height."""
    height, width = plane.shape
    margin = 0
    if wrap:  # what the filter sees beyond an edge
        margin = math.ceil(_LOBES * max(width / size[0], height / size[1], 1)) + 1
    box = margin, margin, margin + width, margin + height
    image = Image.fromarray(around(plane, margin))
    return np.array(image.resize(size, Image.Resampling.LANCZOS, box=box))


def _light(values: NDArray[Any]) -> Floats:
    """Return integers as light in [0, 1], by sRGB's curve (IEC 61966-2-1)."""
    peak = np.iinfo(values.dtype).max
    steps = np.arange(peak + 1) / peak
    curve = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    light: Floats = curve.astype(np.float32)[values]
    return light


def _encoded(light: Floats) -> Floats:
    """Return the inverse of `_light`, in [0, 1]."""
    low = light <= 0.0031308
    encoded: Floats = np.where(low, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
    return encoded


def _whole(values: Floats, picture: Picture) -> NDArray[Any]:
    return np.rint(values * picture.peak).astype(picture.colour.dtype)
