"""ncnn's network on a GPU, as far as this project needs it; it rather crashes than raises."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
from numpy.typing import NDArray

from upscaler.errors import RuntimeUnavailable
from upscaler.runtimes.ncnn.graph import INPUT, OUTPUT

TEXT, WEIGHTS = "model.param", "model.bin"
"""The files of a network in their folder."""

_NO_MEMORY = -100
"""What ncnn answers when it cannot allocate."""

_PROGRAM = 3
"""The type of a device that is a program on the CPU."""

Image = NDArray[np.float32]


class Net:
    """A network that several threads may run.

    Args:
        folder: holds TEXT and WEIGHTS; not needed afterwards.
        half: whether values are stored as float16 where the GPU can; `half` says whether they are.
    """

    def __init__(self, folder: Path, *, half: bool) -> None:
        self._net = ncnn.Net()
        options = self._net.opt
        options.use_vulkan_compute = True
        options.num_threads = 1
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = half
        options.use_bf16_storage = False
        with quiet():
            self._net.set_vulkan_device(first_device())
            # from files: load_model_mem keeps no copy of the bytes, and crashes
            for load, name in ((self._net.load_param, TEXT), (self._net.load_model, WEIGHTS)):
                if load(str(folder / name)):
                    raise RuntimeUnavailable(f"ncnn does not load {name}")
        read_back = self._net.opt
        self.half = read_back.use_fp16_packed or read_back.use_fp16_storage
        if not read_back.use_vulkan_compute:
            raise RuntimeUnavailable("ncnn would compute on the CPU")

    def run(self, image: Image) -> Image:
        """Return what becomes of a picture, float32 (3, H, W), owned by the caller.

        Raises:
            MemoryError: the GPU has too little memory for it.
        """
        extractor = self._net.create_extractor()
        code = extractor.input(INPUT, matrix_of(image))
        output = None
        if not code:
            code, output = extractor.extract(OUTPUT)
        if code == _NO_MEMORY:
            raise MemoryError
        if code:
            raise RuntimeError(f"ncnn failed with {code}")
        return np.array(output)


def matrix_of(image: Image) -> Any:
    """Return ncnn's matrix with the values of an array, which is not needed afterwards."""
    in_order = np.ascontiguousarray(image)  # by a name: a matrix keeps no array alive
    return ncnn.Mat(in_order).clone()


@cache
def first_device() -> int:
    """Return the number of the first GPU that is no program, or of a program where all are.

    Raises:
        RuntimeUnavailable: there is none.
    """
    with quiet():
        found = range(ncnn.get_gpu_count())
        if not found:
            raise RuntimeUnavailable("ncnn finds no GPU with a Vulkan driver here")
        return min(found, key=lambda place: ncnn.get_gpu_info(place).type() == _PROGRAM)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep from the terminal what ncnn says of GPUs and of what it loads; errors are raised."""
    error = 2
    kept, nowhere = os.dup(error), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, error)
        yield
    finally:
        os.dup2(kept, error)
        os.close(nowhere)
        os.close(kept)
