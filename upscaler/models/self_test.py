"""What a model has to make of small pictures, whatever its graph may say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from upscaler.errors import ModelError
from upscaler.models.graph.receptive_field import Geometry
from upscaler.models.probe import probe_image
from upscaler.models.trial.session import Batch, Session
from upscaler.quality.metrics import bicubic

FARTHEST = 0.2
"""From the bicubic enlargement of the probe, of [0, 1], on average: less than plain grey is."""

_SEAM = 1 / 255

Run = Callable[[Batch], Batch]


def self_test(source: Path | bytes, found: Geometry) -> Batch:
    """Return what a model makes of the probe, float32 (1, 3, H, W), in fp32 on the CPU.

    Args:
        source: its ONNX file, or the content of one.

    Raises:
        ModelError: it makes no RGB pictures in [0, 1] of the right size and like the probe, or a
            part of a picture does not become what it becomes within the whole.
    """
    run = Session(source, found.scale)
    probe = probe_image(found.alignment)
    output = run(probe)
    check_likeness(output, probe, found.scale)
    if difference := difference_of_parts(run, found):
        raise ModelError(
            f"a part of a picture becomes {255 * difference:.3g} of 255 different from what it "
            f"becomes within the whole; tiles would show"
        )
    return output


def check_likeness(output: Batch, picture: Batch, scale: int) -> None:
    """Refuse a model for values in 0..255 or -1..1, or for something else than enlarging.

    Raises:
        ModelError: what it makes of a picture, both float32 (1, 3, H, W), is not like it.
    """
    if not np.isfinite(output).all():
        raise ModelError("it makes of a small picture what are no numbers")
    expected = bicubic(picture[0].transpose(1, 2, 0), scale).transpose(2, 0, 1)
    distance = float(np.abs(output[0] - expected).mean())
    if distance > FARTHEST:
        raise ModelError(
            f"what it makes of a small picture in 0..1 reaches from {output.min():.3g} to "
            f"{output.max():.3g} and is {distance:.2g} from its bicubic enlargement on average "
            f"(at most {FARTHEST:g}); it has to take and give RGB in 0..1"
        )


def difference_of_parts(run: Run, found: Geometry) -> float:
    """Return how far, of [0, 1], a part is from what it is within the whole; 0 if within a step.

    Both ends are cut off a picture: what is a halo away from the cuts must not change. The ends
    are white, so that what depends on the whole picture changes a lot; and no multiple of twice
    the alignment, so that another grid shows.
    """
    difference = max(_difference_along(run, found, axis) for axis in (2, 3))
    return 0.0 if difference <= _SEAM else difference


def _difference_along(run: Run, found: Geometry, axis: int) -> float:
    end, keep = 3 * found.alignment, probe_image(found.alignment).shape[2]
    shape = [1, 3, keep, keep]
    shape[axis] += 2 * (end + found.halo)
    whole = np.random.default_rng(0).random(shape, np.float32)
    lines = np.moveaxis(whole, axis, 0)
    lines[:end] = lines[-end:] = 1
    part = np.ascontiguousarray(np.moveaxis(lines[end:-end], 0, axis))

    def kept(output: Batch, margin: int) -> Batch:
        return np.moveaxis(output, axis, 0)[margin * found.scale : -margin * found.scale or None]

    return float(
        np.abs(
            kept(run(whole), end + found.halo).clip(0, 1) - kept(run(part), found.halo).clip(0, 1)
        ).max()
    )
