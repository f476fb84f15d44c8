"""A model's first run, on small pictures, in a process of its own.

`python -m upscaler.models.self_test PATH SCALE HALO ALIGNMENT MEMORY` writes the enlarged probe to
stdout, float32 (1, 3, H, W), raw; it fails with one line on stderr. On Linux the process may take
MEMORY bytes and no more.
"""

import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from upscaler.errors import ModelError
from upscaler.hardware.cpu import cores
from upscaler.models.graph.receptive_field import Geometry
from upscaler.models.probe import probe_image
from upscaler.quality.metrics import bicubic

FARTHEST = 0.2
"""From the bicubic enlargement of the probe, of [0, 1], on average: less than plain grey is."""

_SEAM = 1 / 255
_MOST_THREADS = 8
"""Each takes memory of its own."""

Batch = NDArray[np.float32]
Run = Callable[[Batch], Batch]


def self_test(source: Path | bytes, found: Geometry) -> Batch:
    """Return what a model makes of the probe, float32 (1, 3, H, W), in fp32 on the CPU.

    Args:
        source: its ONNX file, or the content of one.

    Raises:
        ModelError: it makes no RGB pictures in [0, 1] of the right size and like the probe, or a
            part of a picture does not become what it becomes within the whole.
    """
    run = _open(source, found.scale)
    probe = probe_image(found.alignment)
    output = run(probe)
    _check_likeness(output, probe, found.scale)
    for axis in (2, 3):
        _check_parts(run, found, axis)
    return output


def _open(source: Path | bytes, scale: int) -> Run:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = min(cores(), _MOST_THREADS)
    session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(batch: Batch) -> Batch:
        output: Batch = session.run(None, {name: batch})[0]
        expected = (1, 3, scale * batch.shape[2], scale * batch.shape[3])
        if output.dtype != np.float32 or output.shape != expected:
            raise ModelError(
                f"it makes {output.dtype} {output.shape} of {batch.shape}, and by its graph has "
                f"to make float32 {expected}"
            )
        return output

    return run


def _check_likeness(output: Batch, probe: Batch, scale: int) -> None:
    """A model for values in 0..255 or -1..1, or for something else than enlarging, shows here."""
    if not np.isfinite(output).all():
        raise ModelError("it makes of a small picture what are no numbers")
    expected = bicubic(probe[0].transpose(1, 2, 0), scale).transpose(2, 0, 1)
    distance = float(np.abs(output[0] - expected).mean())
    if distance > FARTHEST:
        raise ModelError(
            f"what it makes of a small picture in 0..1 reaches from {output.min():.3g} to "
            f"{output.max():.3g} and is {distance:.2g} from its bicubic enlargement on average "
            f"(at most {FARTHEST:g}); it has to take and give RGB in 0..1"
        )


def _check_parts(run: Run, found: Geometry, axis: int) -> None:
    """Cut both ends off a picture: what is a halo away from the cuts must not change.

    The ends are white, so that what depends on the whole picture changes a lot; and no multiple
    of twice the alignment, so that another grid shows.
    """
    end, keep = 3 * found.alignment, probe_image(found.alignment).shape[2]
    shape = [1, 3, keep, keep]
    shape[axis] += 2 * (end + found.halo)
    whole = np.random.default_rng(0).random(shape, np.float32)
    lines = np.moveaxis(whole, axis, 0)
    lines[:end] = lines[-end:] = 1
    part = np.ascontiguousarray(np.moveaxis(lines[end:-end], 0, axis))

    def kept(output: Batch, margin: int) -> Batch:
        return np.moveaxis(output, axis, 0)[margin * found.scale : -margin * found.scale or None]

    difference = float(
        np.abs(
            kept(run(whole), end + found.halo).clip(0, 1) - kept(run(part), found.halo).clip(0, 1)
        ).max()
    )
    if not difference <= _SEAM:
        raise ModelError(
            f"a part of a picture becomes {255 * difference:.3g} of 255 different from what it "
            f"becomes within the whole; tiles would show"
        )


def main(path: str, scale: str, halo: str, alignment: str, memory: str) -> None:
    """See the module."""
    with suppress(ValueError, OSError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    output = self_test(Path(path), Geometry(int(scale), int(halo), int(alignment)))
    sys.stdout.buffer.write(output.tobytes())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ModelError as error:
        sys.exit(str(error))
    except Exception as error:  # the parent shows the last line, and wants it alone
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        sys.exit(f"it does not run on a small picture: {reason}")
