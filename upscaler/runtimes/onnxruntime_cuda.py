"""ONNX Runtime on an NVIDIA GPU, and never quietly on the CPU.

A session that asks for CUDA on a machine without it is created all the same, on the CPU, with a
line in a log. So the driver is asked first (see the table), the CPU is taken out of the session,
and what was really loaded is read back.
"""

import onnxruntime as ort

from upscaler.errors import RuntimeUnavailable
from upscaler.models import Model
from upscaler.runtimes.runtime import Batch, Runtime

_PROVIDER = "CUDAExecutionProvider"


class OnnxRuntimeCuda(Runtime):
    """One session; a GPU computes one tile at a time, so streams only overlap the copies."""

    name = "cuda"

    def __init__(self, model: Model, precision: str, streams: int) -> None:
        super().__init__(model, precision, streams)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        settings = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}
        self._session = ort.InferenceSession(model.path, options, providers=[(_PROVIDER, settings)])
        loaded = self._session.get_providers()
        if loaded[0] != _PROVIDER:
            raise RuntimeUnavailable(f"ONNX Runtime loaded {', '.join(loaded)} instead of CUDA")
        self._input = self._session.get_inputs()[0].name

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        if _PROVIDER not in ort.get_available_providers():
            raise RuntimeUnavailable("the installed onnxruntime is the build for CPUs")
        return ("fp32",)

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        output: Batch = self._session.run(None, {self._input: batch})[0]
        return output
