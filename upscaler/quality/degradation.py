"""What pictures suffer on their way to us, to measure models on it and to train against it.

Each takes a uint8 (H, W, 3) RGB image and returns one of the same shape.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from upscaler.errors import UsageError

Pixels = NDArray[np.uint8]


def jpeg(image: Pixels, quality: int) -> Pixels:
    """Compress and decompress as JPEG, 4:2:0, `quality` 1 to 100."""
    return _through_file(image, "JPEG", quality=quality, subsampling="4:2:0")


def webp(image: Pixels, quality: int) -> Pixels:
    """Compress and decompress as lossy WebP, `quality` 1 to 100."""
    return _through_file(image, "WEBP", quality=quality)


def blur(image: Pixels, sigma: float) -> Pixels:
    """Blur by a Gaussian of `sigma` pixels (three box filters, as Pillow does it)."""
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(sigma)))


def noise(image: Pixels, sigma: float, random: np.random.Generator) -> Pixels:
    """Add Gaussian noise of `sigma` (of 255) to each channel on its own."""
    noisy = image + random.normal(0.0, sigma, image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _through_file(image: Pixels, kind: str, **options: int | str) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


_SEED = 0
_KINDS: dict[str, tuple[Callable[[Pixels, float], Pixels], float, float]] = {
    "jpeg": (lambda image, quality: jpeg(image, round(quality)), 1, 100),
    "webp": (lambda image, quality: webp(image, round(quality)), 1, 100),
    "blur": (blur, 0, 100),
    "noise": (lambda image, sigma: noise(image, sigma, np.random.default_rng(_SEED)), 0, 255),
}
"""By name: the function, the least and the largest value."""


@dataclass(frozen=True)
class Degradation:
    """One kind and how much of it: `jpeg:75`; noise is the same each time."""

    kind: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `KIND:VALUE`.

        Raises:
            UsageError: no such kind, or a value out of its range.
        """
        kind, _, value = text.partition(":")
        if kind not in _KINDS:
            raise UsageError(f"cannot degrade by {text!r}; give one of {', '.join(_KINDS)}:VALUE")
        _, least, largest = _KINDS[kind]
        try:
            amount = float(value)
        except ValueError:
            amount = float("nan")
        if not least <= amount <= largest:
            raise UsageError(f"{text}: the value of {kind} is from {least:g} to {largest:g}")
        return cls(kind, amount)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value:g}"

    def __call__(self, image: Pixels) -> Pixels:
        """Degrade one image."""
        return _KINDS[self.kind][0](image, self.value)
