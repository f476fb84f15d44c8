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


_KINDS: dict[str, tuple[Callable[[Pixels, float, np.random.Generator], Pixels], float, float]] = {
    "jpeg": (lambda image, quality, _: jpeg(image, round(quality)), 1, 100),
    "webp": (lambda image, quality, _: webp(image, round(quality)), 1, 100),
    "blur": (lambda image, sigma, _: blur(image, sigma), 0, 100),
    "noise": (noise, 0, 255),
}
"""By name: the function, the least and the largest value."""


@dataclass(frozen=True)
class Degradation:
    """What pictures go through, one after the other: `blur:1.2,noise:15,jpeg:60`."""

    steps: tuple[tuple[str, float], ...]
    """Kinds, and how much of each."""
    seed: int = 0
    """Of the noise, which is the same for each picture."""

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> Self:
        """Read `KIND:VALUE`, or several with commas between.

        Raises:
            UsageError: no such kind, or a value out of its range.
        """
        return cls(tuple(_step(part) for part in text.split(",")), seed)

    def __str__(self) -> str:
        return ",".join(f"{kind}:{value:g}" for kind, value in self.steps)

    def __call__(self, image: Pixels) -> Pixels:
        """Degrade one image."""
        random = np.random.default_rng(self.seed)
        for kind, value in self.steps:
            image = _KINDS[kind][0](image, value, random)
        return image


def _step(text: str) -> tuple[str, float]:
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
    return kind, amount
