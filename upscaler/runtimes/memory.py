"""Recognising that memory ran out, for which every runtime has its own words."""

import re

_WORDS = re.compile(
    r"out of (device )?memory|bad[_ ]alloc|(can'?t|cannot|can not|could not|failed to) allocate"
    r"|not enough memory|insufficient memory|raw_hash_map<>::at",
    re.IGNORECASE,
)
"""Of numpy, torch, ONNX Runtime, oneDNN within OpenVINO, CUDA and TensorRT; the last ones are what
WebGPU's plugin says of a buffer larger than it can have."""


def ran_out_of_memory(error: Exception) -> bool:
    """Whether an inference failed because the machine or the GPU has too little memory for it."""
    return isinstance(error, MemoryError) or _WORDS.search(str(error)) is not None
