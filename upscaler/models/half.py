"""The same graph in float16, for GPUs; and on pixels, as their runtimes take it."""

import logging
import warnings

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from upscaler.models.graph.receptive_field import graph_input
from upscaler.models.spec import TOTAL

_INSIDE = "inside/"
"""What the names of a graph's own input and output begin with, once it is on pixels."""


def to_half(model: ModelProto) -> ModelProto:
    """Return a graph in float16, input and output, too."""
    copied = ModelProto()
    copied.CopyFrom(model)
    _lift_constants(copied.graph)  # a cast of one that is a node would stand before it
    logging.disable(logging.WARNING)  # it says which values it rounds to 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            half: ModelProto = convert_float_to_float16(copied)
    finally:
        logging.disable(logging.NOTSET)
    del half.metadata_props[:]
    return half


def on_pixels(half: ModelProto) -> ModelProto:
    """Return a graph in float16 for uint8 pixels in and out, as `PixelForm` makes one in torch.

    Input (1, H, W, 3); a second output is the sum of the values before they were rounded.
    """
    model = ModelProto()
    model.CopyFrom(half)
    graph = model.graph
    taken, given = graph_input(graph), graph.output[0]
    image, large = taken.name, given.name
    _rename(graph, (image, large))
    before = [
        # TensorRT takes bytes only straight into a Cast, and gives them only straight out of one
        helper.make_node("Cast", [image], ["pixels/half"], to=TensorProto.FLOAT16),
        helper.make_node("Transpose", ["pixels/half"], ["pixels/planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Div", ["pixels/planes", "pixels/white_half"], [_INSIDE + image]),
    ]
    after = [
        helper.make_node("Cast", [_INSIDE + large], ["pixels/float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["pixels/float", "pixels/axes"], [TOTAL], keepdims=0),
        helper.make_node("Mul", ["pixels/float", "pixels/white"], ["pixels/scaled"]),
        helper.make_node(
            "Clip", ["pixels/scaled", "pixels/black", "pixels/white"], ["pixels/clipped"]
        ),
        helper.make_node("Round", ["pixels/clipped"], ["pixels/rounded"]),
        helper.make_node("Transpose", ["pixels/rounded"], ["pixels/rows"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["pixels/rows"], [large], to=TensorProto.UINT8),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(255, np.float16), "pixels/white_half"),
            numpy_helper.from_array(np.array(255, np.float32), "pixels/white"),
            numpy_helper.from_array(np.array(0, np.float32), "pixels/black"),
            numpy_helper.from_array(np.array([1, 2, 3], np.int64), "pixels/axes"),
        ]
    )
    sizes = [item.dim_value or item.dim_param for item in taken.type.tensor_type.shape.dim]
    rows = [sizes[0], *sizes[2:], 3]
    pixels = helper.make_tensor_value_info(image, TensorProto.UINT8, rows)
    outputs = [
        helper.make_tensor_value_info(large, TensorProto.UINT8, [sizes[0], None, None, 3]),
        helper.make_tensor_value_info(TOTAL, TensorProto.FLOAT, sizes[:1]),
    ]
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.append(pixels)
    graph.output.extend(outputs)
    onnx.checker.check_model(model)
    return model


def _rename(graph: GraphProto, names: tuple[str, ...]) -> None:
    """Let the names of a graph's input and output be free for others."""
    for node in graph.node:
        node.input[:] = [_INSIDE + name if name in names else name for name in node.input]
        node.output[:] = [_INSIDE + name if name in names else name for name in node.output]


def _lift_constants(graph: GraphProto) -> None:
    """Make of nodes that hold a tensor what the graph holds itself."""
    kept = []
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            graph.initializer.add().CopyFrom(node.attribute[0].t)
            graph.initializer[-1].name = node.output[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
