"""Lanes of a GPU: pinned buffers, a CUDA stream, and one CUDA graph for each shape of tile.

A small network is over before Python has launched its next kernel; a graph launches all of them
at once. Several lanes let the copies of one tile overlap with the computing of another. What is
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

LANES = 3
"""One copies in, one computes, one copies out."""

_SHAPES = 4
"""How many shapes keep their graph: all tiles of a picture have one."""

_capturing = threading.Lock()


class Lanes:
    """Runs arrays through programs, as many side by side as there are lanes.

    Args:
        device: a GPU; or the CPU, without graphs, for tests on a machine without one.
        prepare: called once for each lane and shape.
    """

    def __init__(self, device: torch.device, count: int, prepare: Prepare) -> None:
        self._free: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(_Lane(device, prepare))

    def run(self, array: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return what the program makes of a C-contiguous array; safe in several threads."""
        lane = self._free.get()
        try:
            return lane.run(array)
        finally:
            self._free.put(lane)


class _Lane:
    """What one tile at a time runs on."""

    def __init__(self, device: torch.device, prepare: Prepare) -> None:
        self._device, self._prepare = device, prepare
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._recorded: OrderedDict[tuple[object, ...], _Recorded] = OrderedDict()

    @torch.inference_mode()
    def run(self, array: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        if self._stream is None:
            return tuple(output.numpy() for output in self._prepare(torch.from_numpy(array))())
        with torch.cuda.stream(self._stream):
            return self._for(array).run(array, self._stream)

    def _for(self, array: NDArray[Any]) -> "_Recorded":
        key = (array.dtype, *array.shape)
        if key not in self._recorded:
            while len(self._recorded) >= _SHAPES:
                self._recorded.popitem(last=False)
            with _capturing:
                self._recorded[key] = _Recorded(array, self._prepare, self._device)
        self._recorded.move_to_end(key)
        return self._recorded[key]


class _Recorded:
    """Buffers and a CUDA graph for one shape."""

    def __init__(self, array: NDArray[Any], prepare: Prepare, device: torch.device) -> None:
        self._host_input = torch.from_numpy(array).pin_memory()
        self._input = self._host_input.to(device)
        program, stream = prepare(self._input), torch.cuda.current_stream(device)
        for _ in range(2):  # lets the library choose before anything is recorded
            program()
        stream.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
            self._outputs = program()
        self._program = program  # keeps alive what the graph points to
        self._host_outputs = [torch.empty_like(o, device="cpu").pin_memory() for o in self._outputs]

    def run(self, array: NDArray[Any], stream: torch.cuda.Stream) -> tuple[NDArray[Any], ...]:
        """Copy in, compute, copy out."""
        self._host_input.copy_(torch.from_numpy(array))
        self._input.copy_(self._host_input, non_blocking=True)
        self._graph.replay()
        for host, output in zip(self._host_outputs, self._outputs, strict=True):
            host.copy_(output, non_blocking=True)
        stream.synchronize()
        return tuple(np.array(host.numpy()) for host in self._host_outputs)
