"""ONNX Runtime on a GPU of any maker: Vulkan on Linux, Direct3D 12 on Windows, Metal on a Mac.

A plugin in a package of its own, beside the plain onnxruntime. It picks the GPU itself; a session
that would leave a part on the CPU is refused.
"""

import os
import threading
from functools import cache
from typing import Any

import numpy as np
import onnxruntime as ort
import onnxruntime_ep_webgpu as plugin
from numpy.typing import NDArray
from onnx import GraphProto, helper, numpy_helper

from upscaler.errors import HardwareMissing, RuntimeUnavailable
from upscaler.models import Model
from upscaler.runtimes.buffers import largest_side
from upscaler.runtimes.measured import MeasuredRuntime
from upscaler.runtimes.pixels import Batch, Pixels, in_order, through_floats, whole
from upscaler.runtimes.runtime import PixelRuntime

_PROVIDER = "WebGpuExecutionProvider"
_QUIET = 4
"""What goes wrong is an exception, or found out here."""

_FASTER_OF_TWO = {"powerPreference": "high-performance"}

_one_at_a_time = threading.Lock()
"""All sessions of a process share one GPU context, which is no work of several threads."""


class OnnxRuntimeWebGpu(PixelRuntime, MeasuredRuntime):
    """One session; the GPU computes one tile at a time."""

    name = "webgpu"
    package = "onnxruntime-ep-webgpu"

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        super().__init__(model, precision, 1, device)
        self.takes_floats = precision == "fp32"
        self.largest_side = largest_side(model.load("fp32"), model.spec.alignment)
        options = ort.SessionOptions()
        options.log_severity_level = _QUIET
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        options.add_provider_for_devices(_devices()[:1], _FASTER_OF_TWO)
        with _one_at_a_time:
            self._session = ort.InferenceSession(_without_round(model, precision), options)
        parts = self._session.get_provider_graph_assignment_info()
        elsewhere = {part.ep_name for part in parts} - {_PROVIDER}
        if elsewhere:
            raise RuntimeUnavailable(f"ONNX Runtime runs a part on {', '.join(sorted(elsewhere))}")
        self._input = self._session.get_inputs()[0].name
        self._outputs = in_order(output.name for output in self._session.get_outputs())

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        cls.adapter()
        if not _devices():
            raise HardwareMissing("ONNX Runtime finds no GPU here")
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
        assert self.largest_side is not None
        if array.size > 3 * self.largest_side**2:  # a group; by themselves, its tiles are not
            raise MemoryError
        with _one_at_a_time:
            outputs: list[Any] = self._session.run(self._outputs, {self._input: array})
            return outputs


@cache
def _devices() -> list[Any]:
    """Register the plugin, once; a program is let in here, and kept out by `check_hardware`."""
    ort.set_default_logger_severity(_QUIET)
    os.environ.setdefault("ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER", "1")
    ort.register_execution_provider_library("upscaler.webgpu", plugin.get_library_path())
    found = [device for device in ort.get_ep_devices() if device.ep_name == _PROVIDER]
    return sorted(found, key=lambda device: device.device.type != ort.OrtHardwareDeviceType.GPU)


def _without_round(model: Model, precision: str) -> Any:
    """Return what to load; the plugin cannot Round, to which half up is the same but for ties."""
    if precision == "fp32":
        return model.source(precision)
    loaded = model.load(precision)
    _round_half_up(loaded.graph)
    return loaded.SerializeToString()


def _round_half_up(graph: GraphProto) -> None:
    nodes = []
    for node in graph.node:
        if node.op_type != "Round":
            nodes.append(node)
            continue
        between, half = f"{node.output[0]}.plus_half", f"{node.output[0]}.half"
        graph.initializer.append(numpy_helper.from_array(np.array(0.5, np.float32), half))
        nodes.append(helper.make_node("Add", [node.input[0], half], [between]))
        nodes.append(helper.make_node("Floor", [between], [node.output[0]]))
    del graph.node[:]
    graph.node.extend(nodes)
