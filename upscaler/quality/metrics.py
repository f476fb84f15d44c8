"""How pictures are measured, and the resampling that the published figures rest on.

One place for training, evaluation and tests; numpy only. Images are (H, W) or (H, W, 3)
arrays; measures compare two of the same shape.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Image = NDArray[Any]

# SSIM constants of Wang et al. 2004: window 11, sigma 1.5, K1 0.01, K2 0.03, peak 255
SSIM_WINDOW, _SSIM_SIGMA = 11, 1.5
_SMALLEST_ERROR = 255**2 / 1e10
_SSIM_C1, _SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def cubic(x: Floats) -> Floats:
    """The interpolation kernel of Keys 1981 with a = -0.5; zero from |x| = 2 on."""
    near, far = 1.5, -0.5
    x = np.abs(x)
    inner = (near * x - 2.5) * x * x + 1
    outer = ((far * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, inner, np.where(x < 2, outer, 0.0))


def bicubic(image: Image, scale: float) -> Image:
    """Resize as MATLAB's `imresize(image, scale)` does: bicubic, antialiased when it shrinks.

    Args:
        image: (H, W) or (H, W, C); uint8 is rounded to uint8 after each axis, as MATLAB
            does; floats stay as they are, not clamped.
        scale: output size / input size; the output is `ceil(size * scale)` per axis.
    """
    out: Image = image
    for axis in (0, 1):
        resized = _resize_axis(out.astype(np.float64), axis, scale)
        if image.dtype == np.uint8:
            # MATLAB rounds halves away from zero; numpy's rint would round them to even
            out = np.clip(np.floor(resized + 0.5), 0, 255).astype(np.uint8)
        else:
            out = resized
    return out


def _resize_axis(values: Floats, axis: int, scale: float) -> Floats:
    size = values.shape[axis]
    sharpness = min(scale, 1.0)  # below 1 the kernel widens: that is the antialiasing
    centre = (np.arange(np.ceil(size * scale)) + 0.5) / scale - 0.5
    first = np.floor(centre - 2 / sharpness).astype(np.int64)
    taps = first[:, None] + np.arange(int(np.ceil(4 / sharpness)) + 2)
    weights = cubic(sharpness * (centre[:, None] - taps))
    weights /= weights.sum(axis=1, keepdims=True)
    # beyond its edges the image is mirrored, the edge pixel included
    taps = np.abs((taps + size) % (2 * size) - size + 0.5).astype(np.int64)
    moved = np.moveaxis(values, axis, 0)
    out = np.zeros((len(centre), *moved.shape[1:]))
    for tap, weight in zip(taps.T, weights.T, strict=True):
        if weight.any():
            out += weight.reshape(-1, *[1] * (moved.ndim - 1)) * moved[tap]
    return np.moveaxis(out, 0, axis)


def modcrop(image: Image, scale: int) -> Image:
    """Cut height and width down to multiples of `scale`, at the bottom and the right."""
    height, width = image.shape[:2]
    return image[: height - height % scale, : width - width % scale]


def luma(image: Image) -> Floats:
    """The Y of ITU-R BT.601 in 16..235, unrounded, from RGB in 0..255; grey passes as it is."""
    if image.ndim == 2:
        return image.astype(np.float64)
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return np.asarray(16 + image.astype(np.float64) @ weights)


def psnr_y(image: Image, truth: Image, border: int) -> float:
    """Peak signal-to-noise ratio of the luma in dB, as the super-resolution papers report it.

    Args:
        image, truth: RGB or grey in 0..255, same shape.
        border: pixels cut off each side first; the papers use the scale.

    Returns:
        At most 100 dB, so that a perfect picture does not make every mean infinite.
    """
    return psnr(_inside(luma(image), border), _inside(luma(truth), border))


def psnr(image: Image, truth: Image) -> float:
    """Peak signal-to-noise ratio in dB of all values alike, in 0..255; at most 100 dB."""
    error = image.astype(np.float64) - truth
    mean_square = max(float(np.mean(error**2)), _SMALLEST_ERROR)
    return float(10 * np.log10(255**2 / mean_square))


def ssim_y(image: Image, truth: Image, border: int) -> float:
    """Structural similarity of the luma (Wang et al. 2004), border cut as in `psnr_y`.

    Raises:
        ValueError: what is left is smaller than the 11x11 window.
    """
    a, b = _inside(luma(image), border), _inside(luma(truth), border)
    if min(a.shape) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs {SSIM_WINDOW} pixels a side, got {a.shape}")
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a**2
    var_b = _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    similarity = ((2 * mean_a * mean_b + _SSIM_C1) * (2 * covariance + _SSIM_C2)) / (
        (mean_a**2 + mean_b**2 + _SSIM_C1) * (var_a + var_b + _SSIM_C2)
    )
    return float(similarity.mean())


def _inside(values: Floats, border: int) -> Floats:
    return values[border:-border, border:-border] if border else values


def _blur(values: Floats) -> Floats:
    """Gaussian window, only where it fits whole."""
    offset = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    window = np.exp(-(offset**2) / (2 * _SSIM_SIGMA**2))
    window /= window.sum()
    for axis in (0, 1):
        views = np.lib.stride_tricks.sliding_window_view(values, SSIM_WINDOW, axis)
        values = views @ window
    return values
