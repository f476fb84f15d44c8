"""ncnn on a GPU of any maker through Vulkan; on a Mac, its package brings that."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from upscaler.errors import RuntimeUnavailable
from upscaler.models import Model
from upscaler.models.probe import probe_image
from upscaler.runtimes.buffers import largest_side
from upscaler.runtimes.measured import MeasuredRuntime
from upscaler.runtimes.ncnn.graph import to_ncnn
from upscaler.runtimes.ncnn.net import TEXT, WEIGHTS, Net, first_device
from upscaler.runtimes.pixels import Batch

_MOST_STREAMS = 2
"""One copies while the other computes."""

_PATIENCE = 300.0
"""Seconds for a small picture, the GPU's programs compiled for it."""

# -P: the program's own modules, not whatever lies in the folder it was called from
_TRIAL = [sys.executable, "-P", "-m", "upscaler.runtimes.ncnn.trial"]


class NcnnVulkan(MeasuredRuntime):
    """One network, run by as many threads as call it."""

    name = "ncnn"
    package = "ncnn"

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        super().__init__(model, precision, min(streams, _MOST_STREAMS), device)
        graph = model.load("fp32")
        text, weights = to_ncnn(graph)
        self.largest_side = largest_side(graph, model.spec.alignment)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / TEXT).write_text(text, encoding="ascii")
            (folder / WEIGHTS).write_bytes(weights)
            if not self.known_faster(model, precision):
                _try(folder, precision, probe_image(model.spec.alignment).shape[2])
            self._net = Net(folder, half=precision == "fp16")
        if self._net.half != (precision == "fp16"):
            raise RuntimeUnavailable("this GPU does not compute in fp16")

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        cls.adapter()
        first_device()
        return ("fp16", "fp32")

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        return np.stack([self._net.run(image) for image in batch])


def _try(folder: Path, precision: str, side: int) -> None:
    """Run the network in a process of its own first: ncnn crashes where others raise."""
    try:
        child = subprocess.run(
            [*_TRIAL, folder, precision, str(side)],
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeUnavailable(f"it took more than {_PATIENCE:g} s for a small picture") from None
    if child.returncode:
        errors = child.stderr.decode(errors="replace").strip().splitlines()
        crashed = f"its process ended with {child.returncode}"
        raise RuntimeUnavailable(errors[-1] if errors and child.returncode == 1 else crashed)
