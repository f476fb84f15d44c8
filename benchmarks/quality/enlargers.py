"""What is judged: our models, bicubic, and two networks of Real-ESRGAN."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from upscaler.hardware.cpu import cores
from upscaler.quality.degradation import Pixels
from upscaler.quality.metrics import bicubic
from upscaler.upscaler import Upscaler
from upscaler_train.data.teacher import ANIME, X4PLUS, RealEsrgan

Enlarge = Callable[[Pixels], Pixels]

BICUBIC = "bicubic"
PEERS = {"RealESRGAN_x4plus": X4PLUS, "realesr-animevideov3": ANIME}
"""They enlarge four times only."""


class Timed:
    """Enlarges pictures, and counts the time; keeps what it made where that took long.

    Args:
        cache: a folder for the pictures; None to keep nothing.
    """

    def __init__(self, name: str, enlarge: Enlarge, cache: Path | None = None) -> None:
        self.name, self._enlarge = name, enlarge
        self._cache = cache / name if cache else None
        self._pixels, self._seconds = 0, 0.0

    @property
    def mp_per_s(self) -> float | None:
        """Megapixels of output a second; None if all came from the cache."""
        return self._pixels / 1e6 / self._seconds if self._seconds else None

    def __call__(self, low: Pixels) -> Pixels:
        """Enlarge uint8 (H, W, 3)."""
        kept = self._kept(low)
        if kept is not None and kept.exists():
            with Image.open(kept) as image:
                return np.asarray(image)
        began = time.perf_counter()
        large = self._enlarge(low)
        self._seconds += time.perf_counter() - began
        self._pixels += large.shape[0] * large.shape[1]
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(large).save(kept)
        return large

    def _kept(self, low: Pixels) -> Path | None:
        digest = hashlib.sha256(f"{low.shape}".encode() + low.tobytes()).hexdigest()
        return self._cache / f"{digest[:24]}.png" if self._cache else None


def ours(name: str, scale: int) -> Timed:
    """Return one of our models."""
    upscaler = Upscaler(name, scale=scale)
    return Timed(Path(name).stem, upscaler)


def usual(scale: int) -> Timed:
    """Return bicubic resizing."""
    return Timed(BICUBIC, lambda low: bicubic(low, scale))


def peer(name: str, cache: Path | None) -> Timed:
    """Return a network of Real-ESRGAN."""
    return Timed(name, RealEsrgan(PEERS[name], cores()), cache)
