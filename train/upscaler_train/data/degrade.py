"""Small pictures as they really come: softened, resampled, noisy, compressed, some of it twice.

Every function takes what it needs to decide from a `numpy` generator, so the same generator gives
the same picture. Colours and flat areas keep their mean but for what clipping takes, so that a
network has nothing to gain from changing it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from upscaler.quality.degradation import Pixels, jpeg, noise, webp
from upscaler_train.recipe import DegradationSettings

Random = np.random.Generator
Floats = NDArray[np.floating[Any]]
_FILTERS = tuple(
    getattr(Image.Resampling, name) for name in ("BICUBIC", "BILINEAR", "LANCZOS", "BOX", "HAMMING")
)
_BLOCK = 16
"""Side in pixels of the blocks of a JPEG whose colour is halved."""
_MIDDLE = 127.5
_PADDING = 16
"""Pixels that a filter sees beyond the edges: five sigma of its widest."""
MARGIN = 4
"""Small pixels around a patch whose degradation its own edges must not show."""


def degraded(high: Pixels, low: Pixels, settings: DegradationSettings, random: Random) -> Pixels:
    """Return a low-resolution picture that is clean, or treated as the settings say.

    Args:
        high: uint8 (H, W, 3).
        low: the clean one, uint8 (h, w, 3), the same part of the picture.

    Returns:
        uint8 (h, w, 3).
    """
    kind = random.random()
    if kind < settings.light:
        return lightly(low, settings, random)
    if kind < settings.light + settings.rough:
        return roughly(high, low.shape[:2], settings, random)
    return low


def lightly(low: Pixels, settings: DegradationSettings, random: Random) -> Pixels:
    """Noise and then JPEG on a small picture that is as it should be; some have only one of them.

    Returns:
        uint8 of the shape of `low`.
    """
    if random.random() < 0.8:
        low = _noisy(low, settings, random)
    if random.random() < 0.9:
        low = _compressed(low, settings, random)
    return low


def roughly(
    high: Pixels, size: tuple[int, int], settings: DegradationSettings, random: Random
) -> Pixels:
    """Blur, resizing, noise and compression in any order, some in two rounds, then the size.

    Returns:
        uint8 (*size, 3).
    """
    image = high
    of_large = replace(settings, blur=settings.blur * high.shape[0] / size[0])
    for number in range(2 if random.random() < settings.twice else 1):
        for step in random.permutation(len(_STEPS)):
            act, share = _STEPS[step]
            # what comes later shows more: it is not shrunk any more
            if random.random() < share / (number + 1):
                image = act(image, of_large, random)
    image = _resized(image, size, random)
    if random.random() < settings.sinc:
        image = _low_passed(image, random.uniform(0.6, 1) / 2)
    if random.random() < 0.3:
        image = _noisy(image, settings, random)
    if random.random() < 0.8:  # what comes to us is a file
        image = _compressed(image, settings, random)
    return image


def _blurred(image: Pixels, settings: DegradationSettings, random: Random) -> Pixels:
    """By a Gaussian, round or not, or by an ideal low-pass filter; `settings.blur` is in pixels of
    the image.
    """
    if random.random() < settings.sinc:
        return _low_passed(image, random.uniform(1 / 3, 1) / 2)
    sigmas = random.uniform(settings.blur / 15, settings.blur, 2)
    if random.random() >= settings.anisotropic:
        sigmas[1] = sigmas[0]
    angle = random.uniform(0, np.pi)
    down, right = _frequencies(image)
    along = right * np.cos(angle) + down * np.sin(angle)
    across = down * np.cos(angle) - right * np.sin(angle)
    exponent = (sigmas[0] * along) ** 2 + (sigmas[1] * across) ** 2
    return _filtered(image, np.exp(-2 * np.pi**2 * exponent))


def _low_passed(image: Pixels, cutoff: float) -> Pixels:
    """Keep the frequencies below `cutoff`, in periods a pixel: edges ring, as in sharp resampling.

    The filter is a sinc cut where it is small, so that its rings end.
    """
    down, right = _frequencies(image)
    radius = np.hypot(down, right)
    return _filtered(image, 1 / (1 + (radius / cutoff) ** 16))


def _frequencies(image: Pixels) -> tuple[Floats, Floats]:
    """Of the real Fourier transform of the image as `_filtered` pads it."""
    height, width = (length + 2 * _PADDING for length in image.shape[:2])
    return np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]


def _filtered(image: Pixels, response: Floats) -> Pixels:
    """Filter by a frequency response; beyond its edges the image is mirrored."""
    padding = (_PADDING, _PADDING)
    values = np.pad(image, (padding, padding, (0, 0)), mode="symmetric").astype(np.float32)
    planes = torch.from_numpy(values).permute(2, 0, 1)
    spectrum = torch.fft.rfft2(planes) * torch.from_numpy(response).float()
    filtered = torch.fft.irfft2(spectrum, s=planes.shape[1:]).round_().clamp_(0, 255)
    inner = filtered[:, _PADDING:-_PADDING, _PADDING:-_PADDING].to(torch.uint8)
    return np.asarray(inner.permute(1, 2, 0).numpy())


def _through_another_size(image: Pixels, settings: DegradationSettings, random: Random) -> Pixels:
    factor = random.uniform(settings.smallest, settings.largest)
    height, width = (max(round(factor * length), 1) for length in image.shape[:2])
    return _resized(image, (height, width), random)


def _resized(image: Pixels, size: tuple[int, int], random: Random) -> Pixels:
    chosen = _FILTERS[random.integers(len(_FILTERS))]
    return np.asarray(Image.fromarray(image).resize(size[::-1], chosen))


def _noisy(image: Pixels, settings: DegradationSettings, random: Random) -> Pixels:
    """Gaussian noise in colour or in grey, or Poisson's, which grows with the light."""
    sigma = random.uniform(0, settings.noise)
    kind = random.random()
    if kind < settings.poisson:
        photons = _MIDDLE / max(sigma, 1) ** 2  # for each step of 255; `sigma` at mid grey
        values = random.poisson(image * photons) / photons
    elif kind < settings.poisson + settings.grey:
        values = image + random.normal(0.0, sigma, (*image.shape[:2], 1))
    else:
        return noise(image, sigma, random)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _compressed(image: Pixels, settings: DegradationSettings, random: Random) -> Pixels:
    """With the blocks starting anywhere, as in a picture that was cropped later."""
    top, left = random.integers(_BLOCK, size=2)
    padded = np.pad(image, ((top, 0), (left, 0), (0, 0)), mode="edge")
    quality = int(random.integers(settings.least_quality, settings.most_quality + 1))
    save = webp if random.random() < settings.webp else jpeg
    return save(padded, quality)[top:, left:]


_STEPS = (
    (_blurred, 0.7),
    (_through_another_size, 0.7),
    (_noisy, 0.5),
    (_compressed, 0.5),
)
"""What a round may hold, and how often."""
