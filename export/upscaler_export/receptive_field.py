"""How far an output pixel sees, read from the graph itself.

Along one axis, an element j of a tensor depends on the input pixels from `step * j + low` to
`step * j + high`. Every operation of the family changes (step, low, high) by a rule of one
line; following them through the graph gives the model's halo and alignment exactly.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import onnx
from onnx import numpy_helper

from upscaler.errors import ModelError


@dataclass(frozen=True)
class Reach:
    """What one element of a tensor depends on, along one axis; see the module."""

    step: Fraction = Fraction(1)
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)

    def window(self, first: int, last: int) -> "Reach":
        """Each element now sees elements `first` to `last` around where it was."""
        return Reach(self.step, self.low + self.step * first, self.high + self.step * last)

    def strided(self, stride: int) -> "Reach":
        """Only every `stride`-th element is left."""
        return Reach(self.step * stride, self.low, self.high)

    def enlarged(self, factor: int) -> "Reach":
        """Each element becomes `factor` neighbours: j comes from floor(j / factor)."""
        step = self.step / factor
        return Reach(step, self.low - step * (factor - 1), self.high)

    def merged(self, other: "Reach") -> "Reach":
        """Both, element by element."""
        if self.step != other.step:
            raise ModelError(f"the graph adds tensors of scales 1/{self.step} and 1/{other.step}")
        return Reach(self.step, min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True)
class Geometry:
    """What tiling must know of a graph."""

    scale: int
    halo: int
    alignment: int


def geometry(model: onnx.ModelProto) -> Geometry:
    """Follow rows and columns through the graph.

    Raises:
        ModelError: an operation whose reach is unknown, or a scale that is no whole number.
    """
    axes = [_Walk(model.graph, axis) for axis in (0, 1)]
    outputs = [walk.output() for walk in axes]
    if outputs[0].step != outputs[1].step or (1 / outputs[0].step).denominator != 1:
        raise ModelError(f"the graph enlarges by {[str(1 / reach.step) for reach in outputs]}")
    scale = int(1 / outputs[0].step)
    alignment = max(math.lcm(*walk.strides) for walk in axes)
    radius = max(_radius(reach, scale) for reach in outputs)
    return Geometry(scale, -(-radius // alignment) * alignment, alignment)


def _radius(reach: Reach, scale: int) -> int:
    """How many input pixels beyond a tile the outermost output pixels of the tile see."""
    before = math.floor(-reach.low)
    after = math.floor(1 - Fraction(1, scale) + reach.high)
    return max(before, after, 0)


class _Walk:
    """One pass through a graph, along one spatial axis (0 rows, 1 columns)."""

    def __init__(self, graph: onnx.GraphProto, axis: int) -> None:
        self._graph, self._axis = graph, axis
        self._constants = {item.name: item for item in graph.initializer}
        self._reach = {graph.input[0].name: Reach()}
        self.strides = [1]
        """The steps of all tensors coarser than the input: the alignment is their multiple."""

    def output(self) -> Reach:
        for node in self._graph.node:
            self._follow(node)
        return self._reach[self._graph.output[0].name]

    def _follow(self, node: onnx.NodeProto) -> None:
        sources = [self._reach[name] for name in node.input if name in self._reach]
        if not sources:  # computed from constants alone
            if node.op_type == "Cast" and node.input[0] in self._constants:
                self._constants[node.output[0]] = self._constants[node.input[0]]
            return
        if node.op_type not in _RULES:
            raise ModelError(f"the reach of the operation {node.op_type} is not known")
        reach = sources[0]
        for other in sources[1:]:
            reach = reach.merged(other)
        reach = _RULES[node.op_type](self, node, reach)
        self._reach[node.output[0]] = reach
        self.strides.append(reach.step.numerator)

    def _conv(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        kernel = self._constants[node.input[1]].dims[2 + self._axis]
        attributes = _attributes(node)
        dilation = attributes.get("dilations", [1, 1])[self._axis]
        before = attributes.get("pads", [0] * 4)[self._axis]
        stride = attributes.get("strides", [1, 1])[self._axis]
        return reach.window(-before, dilation * (kernel - 1) - before).strided(stride)

    def _depth_to_space(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        return reach.enlarged(_attributes(node)["blocksize"])

    def _pad(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        pads = numpy_helper.to_array(self._constants[node.input[1]])
        before = int(pads[2 + self._axis])
        return reach.window(-before, -before)

    def _concat(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        if _attributes(node)["axis"] != 1:
            raise ModelError("the graph joins tensors along an axis that is not their channels")
        return reach

    def _same(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        return reach


_RULES: dict[str, Callable[[_Walk, onnx.NodeProto, Reach], Reach]] = {
    "Conv": _Walk._conv,
    "DepthToSpace": _Walk._depth_to_space,
    "Pad": _Walk._pad,
    "Concat": _Walk._concat,
    "Relu": _Walk._same,
    "Add": _Walk._same,
}


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
