"""ONNX Runtime on an NVIDIA GPU, and never quietly on the CPU.

A session that asks for CUDA on a machine without it is created all the same, on the CPU, with a
line in a log. So the driver is asked first (see the table), the CPU is taken out of the session,
and what was really loaded is read back, node by node.
"""

import ctypes
import io
import queue
import threading
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from upscaler.errors import RuntimeUnavailable
from upscaler.hardware import system
from upscaler.models import Model
from upscaler.runtimes.pixels import Batch, Pixels, in_order, through_floats, whole
from upscaler.runtimes.runtime import PixelRuntime

_PROVIDER = "CUDAExecutionProvider"
_LIBRARY = Path(ort.__file__).parent / "capi" / system.ONNXRUNTIME_CUDA
_QUIET = 4
"""What goes wrong is an exception, or found out here; the log would only repeat it in colour."""


class OnnxRuntimeCuda(PixelRuntime):
    """One session; a GPU computes one tile at a time, so streams only overlap the copies."""

    name = "cuda"

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        super().__init__(model, precision, streams, device)
        self.takes_floats = precision == "fp32"
        _check_libraries()
        ort.set_default_logger_severity(_QUIET)
        options = ort.SessionOptions()
        options.log_severity_level = _QUIET
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        settings = {
            "device_id": str(device),
            "cudnn_conv_algo_search": "HEURISTIC",  # EXHAUSTIVE searches anew for each shape
            "use_tf32": "0",
            "prefer_nhwc": "1" if precision == "fp16" else "0",
        }
        self._session = ort.InferenceSession(
            model.source(precision), options, providers=[(_PROVIDER, settings)]
        )
        self._check_placement()
        self._cuda_streams: queue.SimpleQueue[CudaStream] = queue.SimpleQueue()
        for _ in range(streams):
            self._cuda_streams.put(CudaStream(self._session, "cuda", device))

    def _check_placement(self) -> None:
        loaded = self._session.get_providers()
        if loaded[0] != _PROVIDER:
            raise RuntimeUnavailable(f"ONNX Runtime loaded {', '.join(loaded)} instead of CUDA")
        parts = self._session.get_provider_graph_assignment_info()
        elsewhere = {part.ep_name for part in parts} - {_PROVIDER}
        if elsewhere:
            raise RuntimeUnavailable(f"ONNX Runtime runs a part on {', '.join(sorted(elsewhere))}")

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        if _PROVIDER not in ort.get_available_providers():
            raise RuntimeUnavailable("the installed onnxruntime is the build for CPUs")
        return ("fp16", "fp32")

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        output: Batch = self._run(batch)[0]
        return output

    def infer_pixels(self, pixels: Pixels) -> Pixels:
        """See `PixelRuntime`."""
        if self.takes_floats:
            return through_floats(self.infer, pixels)
        return whole(*self._run(pixels))

    def _run(self, array: NDArray[Any]) -> list[Any]:
        stream = self._cuda_streams.get()
        try:
            return stream.run(array)
        finally:
            self._cuda_streams.put(stream)


class CudaStream:
    """What one tile at a time runs on: tensors on the device, kept as long as the shape stays.

    Args:
        place: `cuda`; or `cpu`, for tests on a machine without a GPU.
    """

    def __init__(self, session: Any, place: str, device: int) -> None:
        self._session, self._place = session, (place, device)
        self._input = session.get_inputs()[0].name
        self._outputs = in_order(output.name for output in session.get_outputs())
        self._binding: Any = None
        self._image: Any = None

    def run(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Copy in, compute, copy out."""
        if self._image is None or tuple(self._image.shape()) != array.shape:
            self._bind(array)
        else:
            self._image.update_inplace(array)
        self._session.run_with_iobinding(self._binding)
        return [output.numpy() for output in self._binding.get_outputs()]

    def _bind(self, array: NDArray[Any]) -> None:
        with _allocating:
            self._image = ort.OrtValue.ortvalue_from_numpy(array, *self._place)
        self._binding = self._session.io_binding()
        self._binding.bind_ortvalue_input(self._input, self._image)
        for name in self._outputs:
            self._binding.bind_output(name, *self._place)


_allocating = threading.Lock()
"""ONNX Runtime makes the allocator for such tensors with the first one, without a lock."""


def _check_libraries() -> None:
    """Load what the provider needs; ONNX Runtime itself says only in its log what is missing."""
    for library in (system.CUDNN, str(_LIBRARY)):
        try:
            ctypes.CDLL(library)
        except OSError as error:
            raise RuntimeUnavailable(f"a library of CUDA is missing: {error}") from None


if _PROVIDER in ort.get_available_providers():
    # here, once: sys.stdout belongs to all threads
    with redirect_stdout(io.StringIO()):  # it prints what it does not find
        ort.preload_dlls()
