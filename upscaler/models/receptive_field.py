"""How far an output pixel sees, read from the graph itself.

Along one axis, an element j of a tensor depends on the input pixels from `step * j + low` to
`step * j + high`. Every operation that upscalers are made of changes (step, low, high) by a short
rule; following them through the graph gives the model's halo and alignment exactly.
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
    if len(model.graph.output) != 1:
        raise ModelError(f"the graph has {len(model.graph.output)} outputs instead of one picture")
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
        self._reach = {graph_input(graph).name: Reach()}
        self.strides = [1]
        """The steps of all tensors coarser than the input: the alignment is their multiple."""

    def output(self) -> Reach:
        for node in self._graph.node:
            self._follow(node)
        name = self._graph.output[0].name
        if name not in self._reach:
            raise ModelError("the graph's output does not depend on its input")
        return self._reach[name]

    def _follow(self, node: onnx.NodeProto) -> None:
        sources = [self._reach[name] for name in node.input if name in self._reach]
        if not sources:
            self._compute(node)
            return
        if node.op_type not in _RULES:
            raise ModelError(f"the reach of the operation {node.op_type} is not known")
        reach = sources[0]
        for other in sources[1:]:
            reach = reach.merged(other)
        reach = _RULES[node.op_type](self, node, reach)
        self._reach.update(dict.fromkeys(node.output, reach))
        self.strides.append(reach.step.numerator)

    def _compute(self, node: onnx.NodeProto) -> None:
        """Follow constants as far as shapes and weights come from them."""
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            self._constants[node.output[0]] = node.attribute[0].t
        elif node.op_type in ("Cast", "Identity") and node.input[0] in self._constants:
            self._constants[node.output[0]] = self._constants[node.input[0]]

    def _constant(self, node: onnx.NodeProto, place: int) -> onnx.TensorProto:
        name = node.input[place] if place < len(node.input) else ""
        constant: onnx.TensorProto | None = self._constants.get(name)
        if constant is None:
            raise ModelError(f"the graph computes what its {node.op_type} goes by")
        return constant

    def _values(self, node: onnx.NodeProto, place: int) -> list[float]:
        tensor = self._constant(node, place)
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ModelError(f"the graph keeps what its {node.op_type} goes by in another file")
        return [float(value) for value in numpy_helper.to_array(tensor).ravel()]

    def _conv(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        return self._window(node, reach, self._constant(node, 1).dims[2 + self._axis])

    def _pool(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        return self._window(node, reach, _attributes(node)["kernel_shape"][self._axis])

    def _window(self, node: onnx.NodeProto, reach: Reach, kernel: int) -> Reach:
        attributes = _attributes(node)
        self._check_padding(attributes)
        dilation = attributes.get("dilations", [1, 1])[self._axis]
        before = attributes.get("pads", [0] * 4)[self._axis]
        stride = attributes.get("strides", [1, 1])[self._axis]
        return reach.window(-before, dilation * (kernel - 1) - before).strided(stride)

    def _conv_transpose(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        attributes = _attributes(node)
        self._check_padding(attributes)
        kernel = self._constant(node, 1).dims[2 + self._axis]
        before = attributes.get("pads", [0] * 4)[self._axis]
        stride = attributes.get("strides", [1, 1])[self._axis]
        first, last = -((kernel - 1 - before) // stride), (stride - 1 + before) // stride
        return reach.window(first, last).enlarged(stride)

    def _check_padding(self, attributes: dict[str, Any]) -> None:
        if attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise ModelError("the graph pads by what is left over (auto_pad)")

    def _depth_to_space(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        return reach.enlarged(_attributes(node)["blocksize"])

    def _space_to_depth(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        block = _attributes(node)["blocksize"]
        return reach.window(0, block - 1).strided(block)

    def _resize(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        attributes = _attributes(node)
        factor = self._values(node, 2 if node.op_type == "Resize" else 1)[2:]
        mode = attributes.get("mode", b"nearest").decode()
        where = attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
        if len(factor) != 2 or factor[self._axis] < 1 or not factor[self._axis].is_integer():
            raise ModelError(f"the graph resizes by {factor}, no whole numbers")
        if mode not in _NEIGHBOURS or where not in _PLACES:
            raise ModelError(f"the reach of the operation {node.op_type} ({where}) is not known")
        return reach.window(-_NEIGHBOURS[mode], _NEIGHBOURS[mode]).enlarged(int(factor[self._axis]))

    def _pad(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        before = int(self._values(node, 1)[2 + self._axis])
        return reach.window(-before, -before)

    def _along_channels(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        if _attributes(node).get("axis", 0) != 1:
            raise ModelError(f"the graph has a {node.op_type} along an axis that is not channels")
        return reach

    def _same(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        """Pixel by pixel, with constants that are the same for every pixel."""
        for name in node.input:
            constant = self._constants.get(name)
            if constant is not None and any(size != 1 for size in constant.dims[-2:]):
                raise ModelError(f"the graph has a {node.op_type} that depends on the place")
        return reach

    def _normalise(self, node: onnx.NodeProto, reach: Reach) -> Reach:
        return reach


_NEIGHBOURS = {"nearest": 1, "linear": 1, "cubic": 2}
"""How far an enlargement looks beyond the pixel that it enlarges, at most."""

# fmt: off
_PIXELWISE = (
    "Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "Neg", "Abs", "Sqrt", "Exp", "Erf", "Relu",
    "LeakyRelu", "PRelu", "Elu", "Gelu", "Mish", "Sigmoid", "HardSigmoid", "HardSwish", "Softplus",
    "Tanh", "Clip", "Cast", "Identity",
)
# fmt: on

_PLACES = ("half_pixel", "asymmetric", "pytorch_half_pixel")
"""Ways to lay a large grid over a small one that do not depend on the picture's size."""

_RULES: dict[str, Callable[[_Walk, onnx.NodeProto, Reach], Reach]] = {
    "Conv": _Walk._conv,
    "ConvTranspose": _Walk._conv_transpose,
    "MaxPool": _Walk._pool,
    "AveragePool": _Walk._pool,
    "DepthToSpace": _Walk._depth_to_space,
    "SpaceToDepth": _Walk._space_to_depth,
    "Resize": _Walk._resize,
    "Upsample": _Walk._resize,
    "Pad": _Walk._pad,
    "Concat": _Walk._along_channels,
    "Split": _Walk._along_channels,
    "BatchNormalization": _Walk._normalise,
    **dict.fromkeys(_PIXELWISE, _Walk._same),
}


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}


def graph_input(graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    """Return the one input that is no weight.

    Raises:
        ModelError: there are none or several.
    """
    weights = {item.name for item in graph.initializer}
    inputs: list[onnx.ValueInfoProto] = [i for i in graph.input if i.name not in weights]
    if len(inputs) != 1:
        raise ModelError(f"the graph has {len(inputs)} inputs instead of one picture")
    return inputs[0]
