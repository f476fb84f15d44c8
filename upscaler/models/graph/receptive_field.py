"""How far an output pixel sees, read from the graph itself.

Every operation that upscalers are made of changes the `Reach` of its tensor by a short rule
(`operations.py`); following them through the graph gives the model's halo and alignment. A graph
that the rules do not cover is refused, never guessed at.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from upscaler.errors import ModelError
from upscaler.models.graph.operations import JOINING, RULES, Operation
from upscaler.models.graph.reach import Reach

LARGEST_ALIGNMENT = 256
"""Pixels; the pictures that prove a model have a multiple of it to a side."""

LARGEST_HALO = 1024
"""Pixels; a tile carries it at each side."""

_OLDEST_OPSET = 7
"""Before it, tensors were joined by other rules."""

_DOMAINS = ("", "ai.onnx")
"""Of the operators that ONNX itself defines."""

_KEEPS_WHOLE_NUMBERS = (
    TensorProto.FLOAT16,
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.INT64,
)
"""Types that a scale or a number of pixels is the same in."""


@dataclass(frozen=True)
class Geometry:
    """What tiling must know of a graph."""

    scale: int
    halo: int
    alignment: int


def geometry(model: onnx.ModelProto) -> Geometry:
    """Follow rows and columns through the graph.

    Raises:
        ModelError: an operation whose reach is unknown, a scale that is no whole number, a halo
            or an alignment beyond all reason, or a damaged graph.
    """
    try:
        return _geometry(model)
    except ModelError:
        raise
    except Exception as error:  # whatever a graph that breaks the rules of ONNX may lead to
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"its graph is damaged: {reason}") from None


def _geometry(model: onnx.ModelProto) -> Geometry:
    if model.functions:
        raise ModelError(f"the model has functions of its own ({model.functions[0].name})")
    if len(model.graph.output) != 1:
        raise ModelError(f"the graph has {len(model.graph.output)} outputs instead of one picture")
    axes = [_Walk(model, axis) for axis in (0, 1)]
    outputs = [walk.output() for walk in axes]
    if outputs[0].step != outputs[1].step or (1 / outputs[0].step).denominator != 1:
        raise ModelError(f"the graph enlarges by {[str(1 / reach.step) for reach in outputs]}")
    if more := max((reach.extra for reach in outputs), key=abs):
        raise ModelError(f"the graph's output is {more:+d} pixels off a multiple of its input")
    scale = int(1 / outputs[0].step)
    alignment = math.lcm(*(stride for walk in axes for stride in walk.strides))
    if alignment > LARGEST_ALIGNMENT:
        raise ModelError(
            f"the graph wants pictures in multiples of {alignment} pixels, at most "
            f"{LARGEST_ALIGNMENT} are allowed"
        )
    radius = max(_radius(reach, scale, alignment) for reach in outputs)
    halo = -(-radius // alignment) * alignment
    if halo > LARGEST_HALO:
        raise ModelError(f"the graph sees {halo} pixels far, at most {LARGEST_HALO} are allowed")
    return Geometry(scale, halo, alignment)


def _radius(reach: Reach, scale: int, alignment: int) -> int:
    """How many input pixels beyond a tile the outermost output pixels of the tile see."""
    before = math.floor(-reach.low)
    after = math.floor(1 - Fraction(1, scale) + reach.high)
    # the smallest tile is one step of the alignment between two halos
    mirrored = math.ceil((reach.least - alignment) / 2)
    return max(before, after, mirrored, 0)


class _Walk:
    """One pass through a graph, along one spatial axis (0 rows, 1 columns)."""

    def __init__(self, model: onnx.ModelProto, axis: int) -> None:
        self._graph, self._axis, self._opset = model.graph, axis, _opset(model)
        self._constants = {item.name: item for item in self._graph.initializer}
        self._computed: set[str] = set()
        self._reach = {graph_input(self._graph).name: Reach()}
        self.strides = [1]
        """The steps of all tensors coarser than the input: the alignment is their multiple."""

    def output(self) -> Reach:
        for node in self._graph.node:
            self._check(node)
            if any(name in self._reach for name in node.input):
                self._follow(node)
            else:
                self._compute(node)
        name = self._graph.output[0].name
        if name not in self._reach:
            raise ModelError("the graph's output does not depend on its input")
        return self._reach[name]

    def _check(self, node: onnx.NodeProto) -> None:
        """Refuse what is no plain step of a graph whose nodes stand in their order."""
        if node.domain not in _DOMAINS:
            raise ModelError(f"the graph has the operation {node.op_type} of {node.domain}")
        if any(item.HasField("g") or item.graphs for item in node.attribute):
            raise ModelError(f"the graph has a {node.op_type} with a graph inside")
        for name in filter(None, node.input):
            if not self._known(name):
                raise ModelError(f"the graph has a {node.op_type} of {name!r}, not made before it")
        for name in filter(None, node.output):
            if self._known(name):
                raise ModelError(f"the graph makes {name!r} twice")

    def _known(self, name: str) -> bool:
        return name in self._reach or name in self._constants or name in self._computed

    def _follow(self, node: onnx.NodeProto) -> None:
        if node.op_type not in RULES:
            raise ModelError(f"the reach of the operation {node.op_type} is not known")
        if any(name in self._computed for name in node.input):
            raise ModelError(f"the graph computes what its {node.op_type} goes by")
        pictures = [self._reach[name] for name in node.input if name in self._reach]
        if node.op_type not in JOINING and (len(pictures) > 1 or node.input[0] not in self._reach):
            raise ModelError(f"the graph computes what its {node.op_type} goes by")
        reach = pictures[0]
        for other in pictures[1:]:
            reach = reach.merged(other)
        constants = {name: self._constants[name] for name in node.input if name in self._constants}
        reach = RULES[node.op_type](Operation(node, self._axis, self._opset, constants), reach)
        if reach.cut_off:
            raise ModelError(f"the graph has a {node.op_type} that cuts off the edges")
        self._reach.update(dict.fromkeys(filter(None, node.output), reach))
        self.strides.append(reach.step.numerator)

    def _compute(self, node: onnx.NodeProto) -> None:
        """Follow constants as far as shapes and weights come from them."""
        constant = self._constant(node)
        if constant is None:
            self._computed.update(node.output)
        else:
            self._constants[node.output[0]] = constant

    def _constant(self, node: onnx.NodeProto) -> onnx.TensorProto | None:
        """Return what a node makes of nothing but constants, if that is plain to see."""
        attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        if node.op_type == "Constant":
            ((name, value),) = attributes.items()
            if name.startswith(("value_int", "value_float")):
                return numpy_helper.from_array(np.array(value))
            return value if isinstance(value, TensorProto) else None
        plain = node.op_type == "Cast" and attributes["to"] in _KEEPS_WHOLE_NUMBERS
        return self._constants.get(node.input[0]) if plain or node.op_type == "Identity" else None


def _opset(model: onnx.ModelProto) -> int:
    versions = [item.version for item in model.opset_import if item.domain in _DOMAINS]
    if len(versions) != 1 or versions[0] < _OLDEST_OPSET:
        raise ModelError(f"the graph is of opset {versions}, and has to be of {_OLDEST_OPSET} up")
    return int(versions[0])


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
