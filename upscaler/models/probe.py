"""A small picture whose right enlargement travels with each model.

`export` stores what the network makes of the probe; a runtime is open only after it has made
the same of it. So a runtime that computes wrongly on some machine is found before it touches
a picture, and no second runtime is needed to find it.
"""

import base64
import math

import numpy as np
from numpy.typing import NDArray

SIDE = 24
"""Side of the probe in pixels, at least: small, and a multiple of any alignment in the family."""

_STEPS = 65535


def probe_image(alignment: int = 1) -> NDArray[np.float32]:
    """Return the probe, float32 (1, 3, side, side) in [0, 1]: gradients, an edge and texture.

    Its values are those of 8 bits, so that it is the same picture to every runtime.
    Its side is SIDE, or the next multiple of a model's alignment.
    """
    side = math.lcm(SIDE, alignment)
    y, x = np.mgrid[0:side, 0:side]
    gradient = (x + y) / (2 * side - 2)
    edge = (2 * x > y + side / 2).astype(np.float64)
    texture = ((x * 7 + y * 13) % 16) / 15
    pixels = np.rint(255 * np.stack([gradient, edge, texture])[None])
    return np.asarray(pixels, np.float32) / np.float32(255)


def encode(output: NDArray[np.float32]) -> str:
    """Return an enlarged probe as text: 16-bit steps of [0, 1], base64."""
    steps = np.rint(np.clip(output, 0, 1) * _STEPS).astype("<u2")
    return base64.b64encode(steps.tobytes()).decode()


def largest_difference(output: NDArray[np.float32], expected: str) -> float:
    """Return the largest absolute difference from an encoded probe; infinite if incomparable."""
    try:
        steps = np.frombuffer(base64.b64decode(expected, validate=True), "<u2")
    except ValueError:
        return float("inf")
    if steps.size != output.size or not np.isfinite(output).all():
        return float("inf")
    return float(np.abs(np.clip(output, 0, 1).ravel() - steps / _STEPS).max())
