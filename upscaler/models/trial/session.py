"""A model on ONNX Runtime, watched: what it makes is checked, what it takes is counted and limited.

The limit is one of work: seconds of all cores together, by the pixel. A slow or busy machine does
not bring it nearer, and a network that is heavy by nature may take what it took at first.
"""

import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from upscaler.errors import ModelError
from upscaler.hardware import system
from upscaler.hardware.cpu import cores

Batch = NDArray[np.float32]

_MOST_THREADS = 8
"""Each takes memory of its own."""

_LEAST_LIMIT, _SLACK = 10.0, 10
"""Seconds that every picture may take, and how many times as long by the pixel as the first."""


class Session:
    """A model that is open.

    Args:
        source: its ONNX file, or the content of one.
        scale: how many times larger it makes pictures by its graph; None to learn it from the
            first one.
        limit: seconds of work that the first picture may take; None for no limits. At a limit
            the process ends: `system.worked_too_long`.
    """

    def __init__(
        self, source: Path | bytes, scale: int | None = None, limit: float | None = None
    ) -> None:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = min(cores(), _MOST_THREADS)
        options.enable_cpu_mem_arena = False  # which takes more than it needs
        # threads that wait would count as work
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._limit = limit
        self.scale = scale
        self.seconds_per_pixel = 0.0
        """Of input, of one core, in the largest picture so far."""
        self._largest = 0

    def __call__(self, batch: Batch) -> Batch:
        """Return what the model makes of float32 (1, C, H, W), not clamped.

        Raises:
            ModelError: it is no picture of the right size in float32.
        """
        began, pixels = time.process_time(), batch.shape[2] * batch.shape[3]
        if self._limit is not None:
            usual = self.seconds_per_pixel * pixels
            system.limit_work(max(_LEAST_LIMIT, _SLACK * usual) if usual else self._limit)
        output: Batch = self._session.run(None, {self._input: batch})[0]
        if self._limit is not None:
            system.limit_work(0)
        if pixels >= self._largest:
            self._largest = pixels
            self.seconds_per_pixel = (time.process_time() - began) / pixels
        self._check(batch, output)
        return output

    def _check(self, batch: Batch, output: Batch) -> None:
        if self.scale is None:
            self.scale = max(1, output.shape[-1] // batch.shape[3])
        large = self.scale * batch.shape[2], self.scale * batch.shape[3]
        expected = (1, batch.shape[1], *large)
        if output.dtype != np.float32 or output.shape != expected:
            raise ModelError(
                f"it makes {output.dtype} {output.shape} of {batch.shape}, and has to make "
                f"float32 {expected}"
            )

    def bytes_per_pixel(self, batch: Batch) -> int:
        """Return how much memory a pixel takes on its way, about; 0 if unknown.

        Args:
            batch: larger than all pictures before, whose memory the process may still hold.
        """
        before, known = self._largest, system.resident_bytes()
        if not system.forget_peak_memory():
            return 0
        self(batch)
        more = batch.shape[2] * batch.shape[3] - before
        return max(0, system.peak_memory_bytes() - known) // more if more > 0 else 0
