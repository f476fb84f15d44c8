"""The operations that upscalers are made of: what each changes about the reach.

What is not in `RULES` is refused, and so is every form of an operation that could make a tile
differ from the whole picture.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import onnx
from onnx import numpy_helper

from upscaler.errors import ModelError
from upscaler.models.graph.reach import Reach


@dataclass(frozen=True)
class Operation:
    """A node of a graph, along one spatial axis (0 rows, 1 columns)."""

    node: onnx.NodeProto
    axis: int
    opset: int
    constants: Mapping[str, onnx.TensorProto]
    """The constants that the node may take, by name."""

    @property
    def kind(self) -> str:
        """The operator's name."""
        return self.node.op_type

    @property
    def attributes(self) -> dict[str, Any]:
        """By name, as Python values; text is bytes."""
        return {item.name: onnx.helper.get_attribute_value(item) for item in self.node.attribute}

    def here(self, name: str, default: int) -> int:
        """Return the entry for this axis of an attribute that has one for each."""
        return int(self.attributes.get(name, [default] * 2)[self.axis])

    @property
    def pads(self) -> tuple[int, int]:
        """What an attribute says is added before and after, along this axis."""
        if self.attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise ModelError("the graph pads by what is left over (auto_pad)")
        pads = self.attributes.get("pads", [0] * 4)
        return self.not_negative(pads[self.axis]), self.not_negative(pads[2 + self.axis])

    def not_negative(self, pad: float) -> int:
        """Return a number of elements to add, or refuse one that takes away."""
        if pad < 0 or pad != int(pad):
            raise ModelError(f"the graph has a {self.kind} that pads by {pad:g}")
        return int(pad)

    def constant(self, place: int) -> onnx.TensorProto:
        """Return the constant that the node takes at a place."""
        if place >= len(self.node.input) or self.node.input[place] not in self.constants:
            raise ModelError(f"the graph computes what its {self.kind} goes by")
        return self.constants[self.node.input[place]]

    def values(self, place: int) -> list[float]:
        """Return what is in a constant that lies in the file itself."""
        tensor = self.constant(place)
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ModelError(f"the graph keeps what its {self.kind} goes by in another file")
        return [float(value) for value in numpy_helper.to_array(tensor).ravel()]

    def refuse_second_output(self) -> None:
        """Refuse what only training needs, or depends on the place."""
        if any(self.node.output[1:]):
            raise ModelError(f"the graph has a {self.kind} with more than one output")


def _conv(operation: Operation, reach: Reach) -> Reach:
    return _window(operation, reach, operation.constant(1).dims[2 + operation.axis])


def _pool(operation: Operation, reach: Reach) -> Reach:
    operation.refuse_second_output()
    seen = _window(operation, reach, operation.here("kernel_shape", 0))
    if operation.attributes.get("ceil_mode", 0) and seen != _window(
        operation,
        reach,
        operation.here("kernel_shape", 0),
        rounding=operation.here("strides", 1) - 1,
    ):
        raise ModelError(f"the graph has a {operation.kind} that rounds its size up (ceil_mode)")
    return seen


def _window(operation: Operation, reach: Reach, kernel: int, rounding: int = 0) -> Reach:
    before, after = operation.pads
    extent = operation.here("dilations", 1) * (kernel - 1) + 1
    return reach.windowed(extent, before, after + rounding, operation.here("strides", 1))


def _conv_transpose(operation: Operation, reach: Reach) -> Reach:
    if "output_shape" in operation.attributes:
        raise ModelError("the graph has a ConvTranspose of a fixed size (output_shape)")
    (before, after), stride = operation.pads, operation.here("strides", 1)
    kernel = operation.constant(1).dims[2 + operation.axis]
    extent = operation.here("dilations", 1) * (kernel - 1) + 1
    if max(before, after) >= extent:
        raise ModelError(f"the graph has a ConvTranspose of {extent} that cuts off {before, after}")
    first, last = -((extent - 1 - before) // stride), (stride - 1 + before) // stride
    more = extent - stride - before - after + operation.here("output_padding", 0)
    large = reach.seeing(first, last).enlarged(stride)
    return replace(large, extra=large.extra + more)


def _depth_to_space(operation: Operation, reach: Reach) -> Reach:
    return reach.enlarged(operation.attributes["blocksize"])


def _space_to_depth(operation: Operation, reach: Reach) -> Reach:
    block = operation.attributes["blocksize"]
    if reach.extra % block:
        raise ModelError(f"the graph has a SpaceToDepth by {block} of what is no multiple of it")
    return reach.windowed(block, 0, 0, block)


def _resize(operation: Operation, reach: Reach) -> Reach:
    mode = operation.attributes.get("mode", b"nearest").decode()
    where = operation.attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
    if mode not in _NEIGHBOURS or where not in _PLACES:
        raise ModelError(f"the reach of the operation {operation.kind} ({where}) is not known")
    factors = _factors(operation)
    factor = factors[2 + operation.axis]
    if factors[:2] != [1, 1] or factor < 1 or not factor.is_integer():
        raise ModelError(f"the graph resizes by {factors}, and has to by [1, 1, n, n]")
    return reach.seeing(-_NEIGHBOURS[mode], _NEIGHBOURS[mode]).enlarged(int(factor))


def _factors(operation: Operation) -> list[float]:
    """Return by what a Resize or Upsample multiplies each of the four sizes."""
    attributes = operation.attributes
    if operation.kind == "Upsample" and "scales" in attributes:
        found = list(attributes["scales"])
    else:
        found = operation.values(2 if operation.kind == "Resize" and operation.opset > 10 else 1)
    axes = attributes.get("axes", range(4))
    by_axis = {axis % 4: factor for axis, factor in zip(axes, found, strict=True)}
    return [by_axis.get(axis, 1.0) for axis in range(4)]


def _pad(operation: Operation, reach: Reach) -> Reach:
    if not any(_pads(operation)):
        return reach
    mode = operation.attributes.get("mode", b"constant").decode()
    if mode not in ("constant", "edge", "reflect"):
        raise ModelError(f"the graph has a Pad that fills in by {mode}")
    if any(operation.node.input[3:]):
        raise ModelError("the graph has a Pad of some axes only")
    pads = [operation.not_negative(pad) for pad in _pads(operation)]
    before, after = pads[2 + operation.axis], pads[6 + operation.axis]
    if mode == "constant":
        return reach.padded(before, after)
    copied = (before, after) if mode == "reflect" else (0, 0)
    return reach.mirroring(*copied).padded(before, after)


def _pads(operation: Operation) -> list[float]:
    return operation.attributes.get("pads") or operation.values(1)


def _along_channels(operation: Operation, reach: Reach) -> Reach:
    if operation.attributes.get("axis", 0) not in (1, -3):
        raise ModelError(f"the graph has a {operation.kind} along an axis that is not channels")
    if operation.kind == "Concat" and operation.constants:
        raise ModelError("the graph has a Concat that depends on the place")
    return reach


def _slice(operation: Operation, reach: Reach) -> Reach:
    """Some of the channels; a part of the picture is refused."""
    if operation.opset < _SLICE_BY_INPUTS:
        axes = operation.attributes.get("axes", range(len(operation.attributes["starts"])))
    elif len(operation.node.input) > 3 and operation.node.input[3]:
        axes = [int(axis) for axis in operation.values(3)]
    else:
        axes = range(int(operation.constant(1).dims[0]))
    if any(axis not in (1, -3) for axis in axes):
        raise ModelError("the graph has a Slice along an axis that is not channels")
    return reach


def _reduce(operation: Operation, reach: Reach) -> Reach:
    """A mean, a sum or an extreme over the channels, pixel by pixel."""
    axes = operation.attributes.get("axes")
    if axes is None and len(operation.node.input) > 1:
        axes = operation.values(1)
    if not axes or any(axis not in (1, -3) for axis in axes):
        raise ModelError(f"the graph has a {operation.kind} over more than channels")
    if not operation.attributes.get("keepdims", 1):
        raise ModelError(f"the graph has a {operation.kind} that leaves out an axis")
    return reach


def _pixelwise(operation: Operation, reach: Reach) -> Reach:
    """Pixel by pixel, with constants that are the same for every pixel."""
    for constant in operation.constants.values():
        if any(size != 1 for size in constant.dims[-2:]):
            raise ModelError(f"the graph has a {operation.kind} that depends on the place")
    return reach


def _normalise(operation: Operation, reach: Reach) -> Reach:
    operation.refuse_second_output()
    if operation.attributes.get("training_mode", 0):
        raise ModelError(f"the graph has a {operation.kind} that is still in training")
    return reach


_NEIGHBOURS = {"nearest": 1, "linear": 1, "cubic": 2}
"""How far an enlargement looks beyond the pixel that it enlarges, at most."""

_SLICE_BY_INPUTS = 10
"""The opset from which a Slice takes its numbers as inputs."""

_PLACES = ("half_pixel", "asymmetric", "pytorch_half_pixel")
"""Ways to lay a large grid over a small one that do not depend on the picture's size."""

# fmt: off
_PIXELWISE = (
    "Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "Neg", "Abs", "Sqrt", "Exp", "Erf", "Relu",
    "LeakyRelu", "PRelu", "Elu", "Gelu", "Mish", "Sigmoid", "HardSigmoid", "HardSwish", "Softplus",
    "Tanh", "Clip", "Cast", "Identity",
)
# fmt: on

JOINING = (*_PIXELWISE, "Concat")
"""What may take several tensors that depend on the picture; the others take one, their first."""

RULES: Mapping[str, Callable[[Operation, Reach], Reach]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Resize": _resize,
    "Upsample": _resize,
    "Pad": _pad,
    "Concat": _along_channels,
    "Split": _along_channels,
    "BatchNormalization": _normalise,
    "Slice": _slice,
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"), _reduce),
    **dict.fromkeys(_PIXELWISE, _pixelwise),
}
