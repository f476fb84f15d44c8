"""Streams of a GPU: pinned buffers, a CUDA stream, and a CUDA graph for each shape that comes back.

A small network is over before Python has launched its next kernel; a graph launches all of them
at once. Several streams let the copies of one tile overlap with the computing of another. What is
computed is the runtime's own: torch's network, or a TensorRT engine.
"""

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Program = Callable[[], tuple[Tensor, ...]]
"""Computes from one input buffer, always into the same memory; runs on the current stream."""

Prepare = Callable[[Tensor], Program]
"""Makes the program for an input buffer: its shape and type say which."""

MOST_STREAMS = 3
"""One copies in, one computes, one copies out."""

_SHAPES = 4
"""How many shapes keep their graph: all tiles of a picture have one."""

_capturing = threading.Lock()


class CudaStreams:
    """Runs arrays through programs, as many side by side as there are streams.

    Args:
        device: a GPU; or the CPU, without graphs, for tests on a machine without one.
        prepare: called once for each stream and shape.
    """

    def __init__(self, device: torch.device, count: int, prepare: Prepare) -> None:
        self._free: queue.SimpleQueue[_Stream] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(_Stream(device, prepare))

    def run(self, array: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return what the program makes of a C-contiguous array; safe in several threads."""
        stream = self._free.get()
        try:
            return stream.run(array)
        finally:
            self._free.put(stream)


class _Stream:
    """What one tile at a time runs on."""

    def __init__(self, device: torch.device, prepare: Prepare) -> None:
        self._device, self._prepare = device, prepare
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._shapes: OrderedDict[tuple[object, ...], _Shape] = OrderedDict()

    @torch.inference_mode()
    def run(self, array: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        if self._stream is None:
            image = torch.from_numpy(array.copy())
            return tuple(output.numpy() for output in self._prepare(image)())
        with torch.cuda.stream(self._stream):
            return self._for(array).run(array, self._stream)

    def _for(self, array: NDArray[Any]) -> "_Shape":
        key = (array.dtype, *array.shape)
        if key not in self._shapes:
            while len(self._shapes) >= _SHAPES:
                self._shapes.popitem(last=False)
            self._shapes[key] = _Shape(array, self._prepare, self._device)
        self._shapes.move_to_end(key)
        return self._shapes[key]


class _Shape:
    """Buffers for one shape, and from its second tile on a CUDA graph.

    To record one takes as long as many tiles, which a shape that never comes back does not repay.
    """

    def __init__(self, array: NDArray[Any], prepare: Prepare, device: torch.device) -> None:
        self._host_input = torch.from_numpy(np.empty_like(array)).pin_memory()
        self._input = torch.empty_like(self._host_input, device=device)
        self._program = prepare(self._input)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._outputs: tuple[Tensor, ...] = ()
        self._host_outputs: list[Tensor] = []

    def run(self, array: NDArray[Any], stream: torch.cuda.Stream) -> tuple[NDArray[Any], ...]:
        """Copy in, compute, copy out."""
        np.copyto(self._host_input.numpy(), array)
        self._input.copy_(self._host_input, non_blocking=True)
        self._compute(stream)
        for host, output in zip(self._host_outputs, self._outputs, strict=True):
            host.copy_(output, non_blocking=True)
        stream.synchronize()
        return tuple(np.array(host.numpy()) for host in self._host_outputs)

    def _compute(self, stream: torch.cuda.Stream) -> None:
        if not self._host_outputs:  # the first tile; it also lets the library choose its kernels
            self._outputs = self._program()
            self._host_outputs = [
                torch.empty_like(output, device="cpu").pin_memory() for output in self._outputs
            ]
            return
        if self._graph is None:
            self._record(stream)
        assert self._graph is not None
        self._graph.replay()

    def _record(self, stream: torch.cuda.Stream) -> None:
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with _capturing:
            self._program()  # cuDNN allocates for each new thread, which a recording forbids
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                self._outputs = self._program()
        self._graph = graph
