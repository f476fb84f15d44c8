"""PyTorch on an NVIDIA GPU: channels last, and one CUDA graph for each shape of tile.

A small network is over before Python has launched its next kernel; a graph launches all of them
at once. Each stream has graphs, buffers and a CUDA stream of its own, so that the copies of one
tile overlap with the computing of another.
"""

import queue
import threading
from collections import OrderedDict
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from upscaler.errors import RuntimeUnavailable
from upscaler.models import Model
from upscaler.network import AutoEncoder
from upscaler.runtimes.runtime import Batch, Runtime
from upscaler.weights import network_of

_TYPES = {"fp32": torch.float32, "fp16": torch.float16}
_SHAPES = 4
"""How many shapes keep their graph: all tiles of a picture have one."""

_capturing = threading.Lock()


class TorchCuda(Runtime):
    """The network itself, with the weights of the ONNX file."""

    name = "torch"
    device: ClassVar[torch.device] = torch.device("cuda")

    def __init__(self, model: Model, precision: str, streams: int) -> None:
        super().__init__(model, precision, streams)
        torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32
        network = network_of(model).to(self.device, _TYPES[precision])
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._lanes: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        for _ in range(streams):
            self._lanes.put(_Lane(network, self.device, _TYPES[precision]))

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        if not torch.cuda.is_available():
            raise RuntimeUnavailable("the installed torch cannot use the GPU")
        return ("fp16", "fp32")

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        lane = self._lanes.get()
        try:
            return lane.run(batch)
        finally:
            self._lanes.put(lane)


class _Lane:
    """What one tile at a time runs on."""

    def __init__(self, network: AutoEncoder, device: torch.device, dtype: torch.dtype) -> None:
        self._network, self._device, self._dtype = network, device, dtype
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._prepared: OrderedDict[tuple[int, ...], _Prepared] = OrderedDict()

    @torch.inference_mode()
    def run(self, batch: Batch) -> Batch:
        if self._stream is None:  # without graphs: for the tests on a machine without a GPU
            image = torch.from_numpy(batch).to(self._dtype)
            return np.asarray(self._network.aligned(image).float().numpy())
        with torch.cuda.stream(self._stream):
            return self._for(batch.shape).run(batch, self._stream)

    def _for(self, shape: tuple[int, ...]) -> "_Prepared":
        if shape not in self._prepared:
            while len(self._prepared) >= _SHAPES:
                self._prepared.popitem(last=False)
            with _capturing:
                self._prepared[shape] = _Prepared(self._network, shape, self._device, self._dtype)
        self._prepared.move_to_end(shape)
        return self._prepared[shape]


class _Prepared:
    """Buffers and a CUDA graph for one shape."""

    def __init__(
        self,
        network: AutoEncoder,
        shape: tuple[int, ...],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._input = torch.zeros(shape, dtype=dtype, device=device)
        self._input = self._input.contiguous(memory_format=torch.channels_last)
        self._host_input = torch.zeros(shape).pin_memory()
        for _ in range(2):  # lets cuDNN choose before anything is recorded
            network.aligned(self._input)
        torch.cuda.current_stream(device).synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(
            self._graph,
            stream=torch.cuda.current_stream(device),
            capture_error_mode="thread_local",
        ):
            self._output: Tensor = network.aligned(self._input).float().contiguous()
        self._host_output = torch.empty(self._output.shape).pin_memory()

    def run(self, batch: Batch, stream: torch.cuda.Stream) -> Batch:
        """Copy in, compute, copy out."""
        self._host_input.copy_(torch.from_numpy(batch))
        self._input.copy_(self._host_input, non_blocking=True)
        self._graph.replay()
        self._host_output.copy_(self._output, non_blocking=True)
        stream.synchronize()
        return np.array(self._host_output.numpy())
