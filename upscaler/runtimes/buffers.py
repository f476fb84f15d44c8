"""How large a tile may be where a GPU takes no larger buffer: asked for more, libraries crash."""

import math

import onnx

MOST_BYTES = 1 << 27
"""Of one buffer that shaders read or write: what each WebGPU and Vulkan device grants at least."""

_SIDE = 64
_FLOAT_BYTES = 4


def bytes_per_pixel(model: onnx.ModelProto, alignment: int) -> float:
    """Return the bytes that the largest value between two layers takes for a pixel of input.

    Args:
        model: takes float32 (N, C, H, W); overwritten on the way.
        alignment: what H and W have to be multiples of.
    """
    side, graph = math.lcm(_SIDE, alignment), model.graph
    dimensions = graph.input[0].type.tensor_type.shape.dim
    for dimension, size in zip(dimensions, (1, 3, side, side), strict=True):
        dimension.dim_value = size
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    found = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    sizes: list[int] = [
        math.prod(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
        for value in (*found.input, *found.value_info, *found.output)
    ]
    return _FLOAT_BYTES * max(sizes) / side**2


def largest_side(model: onnx.ModelProto, alignment: int) -> int:
    """Return the side in pixels of the largest square tile, margins included; see the module."""
    side = math.isqrt(int(MOST_BYTES / bytes_per_pixel(model, alignment)))
    return side // alignment * alignment
