"""Forms of a graph that runtimes can take: float32, RGB, and of any size where that is possible.

Each changes a model in place, and leaves one alone that is in that form already.
"""

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, helper, numpy_helper

from upscaler.errors import ModelError
from upscaler.models.graph.receptive_field import graph_input

_HALF, _SINGLE = TensorProto.FLOAT16, TensorProto.FLOAT

_OLDEST_RESIZE = 11
"""The opset from which a Resize may be cubic."""

# of JPEG: what models of one channel were trained on is brightness
_TO_LUMA = np.array([[0.299, 0.587, 0.114]], np.float32)
_TO_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_TO_RGB = np.linalg.inv(np.vstack([_TO_LUMA, _TO_CHROMA]).astype(np.float64)).astype(np.float32)


def shape_of(value: onnx.ValueInfoProto) -> list[int]:
    """Return the sizes of an input; 0 where any is taken."""
    dimensions = value.type.tensor_type.shape.dim
    return [item.dim_value if item.HasField("dim_value") else 0 for item in dimensions]


def computes_in_half(model: ModelProto) -> bool:
    """Whether a graph takes, makes or goes through float16; weights alone may be kept in it."""
    values = (*model.graph.input, *model.graph.output)
    kinds = {value.type.tensor_type.elem_type for value in values}
    attributes = (item for node in model.graph.node for item in node.attribute)
    return _HALF in kinds or any(item.name == "to" and item.i == _HALF for item in attributes)


def widen(model: ModelProto) -> None:
    """Make all float16 float32: weights, casts, inputs and outputs."""
    _widen(model.graph)


def _widen(graph: GraphProto) -> None:
    for tensor in graph.initializer:
        _widen_tensor(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == _HALF:
            value.type.tensor_type.elem_type = _SINGLE
    for attribute in (item for node in graph.node for item in node.attribute):
        if attribute.type == AttributeProto.TENSOR:
            _widen_tensor(attribute.t)
        elif attribute.type == AttributeProto.GRAPH:
            _widen(attribute.g)
        elif attribute.name in ("to", "dtype") and attribute.i == _HALF:
            attribute.i = _SINGLE


def _widen_tensor(tensor: TensorProto) -> None:
    if tensor.data_type == _HALF:
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def sort_nodes(model: ModelProto) -> None:
    """Put each node after those that make its inputs, as ONNX wants it and converters forget."""
    waiting, made = list(model.graph.node), {""}
    made.update(item.name for item in (*model.graph.initializer, *model.graph.input))
    ordered: list[onnx.NodeProto] = []
    while waiting:
        before, later = len(ordered), []
        for node in waiting:
            if made.issuperset(node.input):
                ordered.append(node)
                made.update(node.output)
            else:
                later.append(node)
        if len(ordered) == before:  # what is missing is said by whoever reads the graph
            return
        waiting = later
    del model.graph.node[:]
    model.graph.node.extend(ordered)


def free_size(model: ModelProto) -> None:
    """Let a graph take any number of pictures of any size, as far as its nodes do."""
    for value in (graph_input(model.graph), *model.graph.output):
        tensor = value.type.tensor_type
        for place, name in ((0, "n"), (2, "h"), (3, "w")):
            if place < len(tensor.shape.dim):
                tensor.shape.dim[place].dim_param = f"{value.name}_{name}"
    del model.graph.value_info[:]


def take_colour(model: ModelProto, scale: int) -> None:
    """Let a graph of one channel take RGB: it enlarges the brightness, the colours are resized.

    Raises:
        ModelError: the graph is too old for that.
    """
    graph = model.graph
    opset = max(item.version for item in model.opset_import if item.domain in ("", "ai.onnx"))
    if opset < _OLDEST_RESIZE and scale > 1:
        raise ModelError(f"it takes one channel in opset {opset}; save it in opset 11 or newer")
    luma, large, whole = graph_input(graph), graph.output[0], "upscaler.rgb"
    for name, matrix in (("luma", _TO_LUMA), ("chroma", _TO_CHROMA), ("colour", _TO_RGB)):
        kernel = np.ascontiguousarray(matrix[:, :, None, None])
        graph.initializer.append(numpy_helper.from_array(kernel, f"upscaler.to_{name}"))
    before = [
        helper.make_node("Conv", [whole, "upscaler.to_luma"], [luma.name]),
        helper.make_node("Conv", [whole, "upscaler.to_chroma"], ["upscaler.chroma"]),
    ]
    after, chroma = [], "upscaler.chroma"
    if scale > 1:
        scales = np.array([1, 1, scale, scale], np.float32)
        graph.initializer.append(numpy_helper.from_array(scales, "upscaler.scales"))
        chroma = "upscaler.large_chroma"
        resize = ["upscaler.chroma", "", "upscaler.scales"]
        after.append(helper.make_node("Resize", resize, [chroma], mode="cubic"))
    joined = [large.name, chroma]
    after += [
        helper.make_node("Concat", joined, ["upscaler.both"], axis=1),
        helper.make_node("Conv", ["upscaler.both", "upscaler.to_colour"], ["upscaler.output"]),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    luma.name, large.name = whole, "upscaler.output"
    for value in (luma, large):
        value.type.tensor_type.shape.dim[1].dim_value = 3
    del graph.value_info[:]
