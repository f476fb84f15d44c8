"""ONNX Runtime on the CPU: everywhere, in fp32, and in int8 where the model has such a file."""

import onnxruntime as ort

from upscaler.errors import RuntimeUnavailable
from upscaler.models import Model
from upscaler.runtimes.pixels import Batch
from upscaler.runtimes.runtime import Runtime

_PROVIDER = "CPUExecutionProvider"


class OnnxRuntimeCpu(Runtime):
    """One session that runs in as many threads as call it."""

    name = "cpu"

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        super().__init__(model, precision, streams, device)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong is an exception
        self._session = ort.InferenceSession(
            model.source(precision), options, providers=[_PROVIDER]
        )
        if self._session.get_providers() != [_PROVIDER]:
            raise RuntimeUnavailable(f"ONNX Runtime loaded {self._session.get_providers()}")
        self._input = self._session.get_inputs()[0].name

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        return ("int8", "fp32")

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        output: Batch = self._session.run(None, {self._input: batch})[0]
        return output
