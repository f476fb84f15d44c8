"""Small pictures as they really come: softened, resampled somehow, noisy, compressed."""

import numpy as np
from PIL import Image, ImageFilter

from upscaler.quality.degradation import Pixels, jpeg, noise
from upscaler_train.recipe import Degradation

_FILTERS = tuple(
    getattr(Image.Resampling, name) for name in ("BICUBIC", "BILINEAR", "LANCZOS", "BOX", "HAMMING")
)
_BLOCK = 16
"""Side in pixels of the blocks of a JPEG whose colour is halved."""


def shrink_badly(
    high: Pixels, scale: int, settings: Degradation, random: np.random.Generator
) -> Pixels:
    """Return a low-resolution twin that has been through something.

    Mild blur, one of five antialiased filters, noise for half of them, JPEG, and for some JPEG
    again: each as strong as `random` says, at most what `settings` says. Colours and flat areas
    keep their mean, so that a network has nothing to gain from changing it.

    Args:
        high: uint8 (H, W, 3), H and W multiples of `scale`.

    Returns:
        uint8 (H / scale, W / scale, 3).
    """
    picture = Image.fromarray(high)
    picture = picture.filter(ImageFilter.GaussianBlur(scale * random.uniform(0, settings.blur)))
    size = high.shape[1] // scale, high.shape[0] // scale
    low = np.asarray(picture.resize(size, _FILTERS[random.integers(len(_FILTERS))]))
    if random.random() < 0.5:
        low = noise(low, random.uniform(0, settings.noise), random)
    low = _jpeg_anywhere(low, settings, random)
    if random.random() < settings.twice:
        low = _jpeg_anywhere(low, settings, random)
    return low


def _jpeg_anywhere(image: Pixels, settings: Degradation, random: np.random.Generator) -> Pixels:
    """Compress with the blocks starting anywhere, as in a picture that was cropped later."""
    top, left = random.integers(_BLOCK, size=2)
    padded = np.pad(image, ((top, 0), (left, 0), (0, 0)), mode="edge")
    quality = int(random.integers(settings.least_quality, settings.most_quality + 1))
    return jpeg(padded, quality)[top:, left:]
