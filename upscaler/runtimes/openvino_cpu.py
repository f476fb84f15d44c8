"""OpenVINO on the CPU: one stream per core, with the precision set explicitly.

Left alone, OpenVINO picks bfloat16 wherever the CPU has it, and results silently differ from
machine to machine.
"""

import importlib
import queue
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.errors import PassingError, RuntimeUnavailable
from upscaler.models import Model
from upscaler.runtimes.pixels import Batch
from upscaler.runtimes.runtime import Output, Runtime


def _import_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    It would report to a server and write an identifier into the home folder, at import and
    without asking. Where the telemetry package cannot be imported, it uses a stub of its own.
    """
    telemetry = "openvino_telemetry"
    absent = telemetry not in sys.modules
    if absent:
        sys.modules[telemetry] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("openvino")
    finally:
        if absent:
            del sys.modules[telemetry]


ov = _import_openvino()


@cache
def core() -> Any:
    """One for the life of the process.

    Each sets up a stack for signal handlers and, when it goes, puts back the one it found, which
    may be gone by then: with two that end in the wrong order, the next Ctrl-C is a crash.
    """
    return ov.Core()


_TYPES = {"fp32": ov.Type.f32, "bf16": ov.Type.bf16}
_EIGHT_BITS = {"u8", "i8"}

_POISON = 0x7FC0BEEF
"""The bits of a NaN that no network computes."""

_UNTRUSTED = (
    "OpenVINO computed nothing, most likely because memory ran out, and is not used again in this "
    "run; use a smaller --tile, fewer --jobs or --runtime cpu"
)


class OpenVinoRuntime(Runtime):
    """fp32 everywhere, bf16 and int8 where the CPU computes in them."""

    name = "openvino"

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        super().__init__(model, precision, streams, device)
        compiled = self._compile()
        self._used: set[Any] = set()
        self._untrusted = False
        self._new_request = compiled.create_infer_request
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(streams):
            self._requests.put(self._new_request())

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        return (*(p for p in ("int8", "bf16") if _computes(p.upper())), "fp32")

    def _compile(self) -> Any:
        # what an int8 file leaves in float runs in the next best
        float_type = _TYPES.get(self.precision) or _TYPES["bf16" if _computes("BF16") else "fp32"]
        threads = {
            "INFERENCE_NUM_THREADS": self.streams,
            "NUM_STREAMS": self.streams,
            "ENABLE_CPU_PINNING": False,  # or each run that is to use one core takes the first one
        }
        compiled = compiled_in(float_type, self.model.source(self.precision), "CPU", threads)
        if self.precision == "int8" and not _convolves_in_eight_bits(compiled):
            raise RuntimeUnavailable("OpenVINO computes no convolution in 8 bits here")
        return compiled

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        return self.infer_then(batch, np.copy)

    def infer_then(self, batch: Batch, use: Callable[[Batch], Output]) -> Output:
        """See `Runtime`."""
        try:
            request = self._requests.get_nowait()
        except queue.Empty:  # all are at work, or lost in a call that hangs
            request = self._new_request()
        try:
            return use(self._run(request, batch))
        finally:
            self._requests.put(request)

    def _run(self, request: Any, batch: Batch) -> Batch:
        """Compute, and see that it was: out of memory, OpenVINO may do nothing and report no error.

        The output is lent until the next call. What lies in it when nothing was computed
        is that of an earlier tile, and nothing that it computes afterwards can be trusted.
        """
        if self._untrusted:
            raise PassingError(_UNTRUSTED)
        if request in self._used:  # before, it has no output
            _ends(request.get_output_tensor(0).data)[:] = _POISON
        self._used.add(request)
        request.infer({0: batch}, share_inputs=True)
        output: Batch = request.get_output_tensor(0).data
        number, _, height, width = batch.shape
        scale = self.model.spec.scale
        expected = number, 3, scale * height, scale * width
        if output.shape != expected or (_ends(output) == _POISON).any():
            self._untrusted = True
            raise PassingError(_UNTRUSTED)
        return output


def compiled_in(
    float_type: Any, source: Path | bytes, device: str, settings: dict[str, Any]
) -> Any:
    """Compile a model for a device, in the arithmetic that was asked for.

    Raises:
        RuntimeUnavailable: it would compute in another.
    """
    hint = "INFERENCE_PRECISION_HINT"
    model = core().read_model(source)
    compiled = core().compile_model(model, device, {hint: float_type, **settings})
    really = compiled.get_property(hint)
    if really != float_type:
        raise RuntimeUnavailable(f"asked for {float_type}, OpenVINO computes in {really}")
    return compiled


def _ends(output: Batch) -> NDArray[np.uint32]:
    """Return a view of the bits of the first and the last value of an output."""
    bits = output.reshape(-1).view(np.uint32)
    return bits[:: max(1, bits.size - 1)]


def _computes(capability: str) -> bool:
    return capability in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _convolves_in_eight_bits(compiled: Any) -> bool:
    """Read back from what was compiled in what its convolutions really run."""
    kinds = (operation.get_rt_info() for operation in compiled.get_runtime_model().get_ops())
    return any(
        kind["layerType"].astype(str) == "Convolution"
        and kind["runtimePrecision"].astype(str) in _EIGHT_BITS
        for kind in kinds
    )
