"""A small picture whose right enlargement travels with each model.

`export` stores what the network makes of the probe; a runtime is open only after it has made
the same of it. So a runtime that computes wrongly on some machine is found before it touches
a picture, and no second runtime is needed to find it.
"""

import base64

import numpy as np
from numpy.typing import NDArray

from upscaler.models.grid import round_up
from upscaler.models.spec import ModelSpec

SIDE = 24
"""Side of the probe in pixels, at least: small, and a multiple of any alignment in the family."""

_STEPS = 65535


def probe_image(alignment: int = 1, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """Return the probe, float32 (1, 3, side, side) in [0, 1]: gradients, an edge and texture.

    Its values are those of 8 bits, so that it is the same picture to every runtime.
    Its side is SIDE, or the next multiple of a model's alignment. For a model that takes one
    size only, height and width, it is mirrored up to that size.
    """
    if size is not None:
        down, right = (max(0, length - SIDE) for length in size)
        more = ((0, 0), (0, 0), (0, down), (0, right))
        return np.ascontiguousarray(np.pad(probe_image(), more, mode="symmetric"))
    side = round_up(SIDE, alignment)
    y, x = np.mgrid[0:side, 0:side]
    gradient = (x + y) / (2 * side - 2)
    edge = (2 * x > y + side / 2).astype(np.float64)
    texture = ((x * 7 + y * 13) % 16) / 15
    pixels = np.rint(255 * np.stack([gradient, edge, texture])[None])
    return np.asarray(pixels, np.float32) / np.float32(255)


def probe_for(spec: ModelSpec) -> NDArray[np.float32]:
    """Return the probe of a model."""
    return probe_image(spec.alignment, spec.tiling.size)


def corner(output: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """Return what became of the probe before it was mirrored."""
    return output[:, :, : scale * SIDE, : scale * SIDE]


def difference_from(output: NDArray[np.float32], spec: ModelSpec) -> float:
    """Return the largest difference of a probe's enlargement from the model's own."""
    part = corner(output, spec.scale) if spec.tiling.size else output
    return largest_difference(part, spec.probe)


def encode(output: NDArray[np.float32]) -> str:
    """Return an enlarged probe as text: 16-bit steps of [0, 1], base64."""
    steps = np.rint(np.clip(output, 0, 1) * _STEPS).astype("<u2")
    return base64.b64encode(steps.tobytes()).decode()


def unpacked(text: str) -> NDArray[np.float32]:
    """Return what was encoded, without its shape."""
    steps = np.frombuffer(base64.b64decode(text), "<u2")
    return np.asarray(steps / _STEPS, np.float32)


def largest_difference(output: NDArray[np.float32], expected: str) -> float:
    """Return the largest absolute difference from an encoded probe; infinite if incomparable."""
    try:
        steps = np.frombuffer(base64.b64decode(expected, validate=True), "<u2")
    except ValueError:
        return float("inf")
    if steps.size != output.size or not np.isfinite(output).all():
        return float("inf")
    return float(np.abs(np.clip(output, 0, 1).ravel() - steps / _STEPS).max())
