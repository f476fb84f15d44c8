"""By what a graph divides the size of its picture: windows, and steps down that it pads for."""

import math
from collections.abc import Iterator

import onnx
from onnx import numpy_helper

LARGEST = 64
"""A larger divisor is no window."""


def divisors(graph: onnx.GraphProto) -> int:
    """Return the least common multiple of the numbers by which the graph divides its sizes.

    It is a guess at the sizes that the network takes as they are, not more.
    """
    found = 1
    for number in _numbers(graph):
        if 1 < number <= LARGEST and math.lcm(found, number) <= LARGEST:
            found = math.lcm(found, number)
    return found


def _numbers(graph: onnx.GraphProto) -> Iterator[int]:
    constants = {item.name: item for item in graph.initializer}
    sizes: set[str] = set()
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            constants[node.output[0]] = node.attribute[0].t
        if node.op_type in ("Shape", "Size"):
            sizes.update(node.output)
        elif all(name in sizes or name in constants for name in node.input if name):
            if not any(name in sizes for name in node.input):
                continue
            sizes.update(node.output)
            if node.op_type in ("Div", "Mod") and node.input[1] in constants:
                yield from _whole(constants[node.input[1]])


def _whole(tensor: onnx.TensorProto) -> Iterator[int]:
    if tensor.data_location == onnx.TensorProto.EXTERNAL or math.prod(tensor.dims) != 1:
        return
    value = float(numpy_helper.to_array(tensor).ravel()[0])
    if value.is_integer():
        yield int(value)
