"""The same graph in float16, for GPUs; and on pixels, as their runtimes take it."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from upscaler.runtimes.pixels import TOTAL
from upscaler_export.graph import INPUT, OUTPUT, quiet


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph in float16, input and output, too."""
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    _lift_constants(copied.graph)  # a cast of one that is a node would stand before it
    with quiet():
        half: onnx.ModelProto = convert_float_to_float16(copied)
    del half.metadata_props[:]
    return half


def on_pixels(half: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph in float16 for uint8 pixels in and out, as `PixelForm` makes one in torch.

    Input (1, H, W, 3); a second output is the sum of the values before they were rounded.
    """
    model = onnx.ModelProto()
    model.CopyFrom(half)
    graph = model.graph
    inside = _renamed(graph)
    before = [
        # TensorRT takes bytes only straight into a Cast, and gives them only straight out of one
        helper.make_node("Cast", [INPUT], ["pixels/half"], to=TensorProto.FLOAT16),
        helper.make_node("Transpose", ["pixels/half"], ["pixels/planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Div", ["pixels/planes", "pixels/white_half"], [inside[INPUT]]),
    ]
    after = [
        helper.make_node("Cast", [inside[OUTPUT]], ["pixels/float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["pixels/float", "pixels/axes"], [TOTAL], keepdims=0),
        helper.make_node("Mul", ["pixels/float", "pixels/white"], ["pixels/scaled"]),
        helper.make_node(
            "Clip", ["pixels/scaled", "pixels/black", "pixels/white"], ["pixels/clipped"]
        ),
        helper.make_node("Round", ["pixels/clipped"], ["pixels/rounded"]),
        helper.make_node("Transpose", ["pixels/rounded"], ["pixels/rows"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["pixels/rows"], [OUTPUT], to=TensorProto.UINT8),
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
    sizes = [item.dim_value or item.dim_param for item in graph.input[0].type.tensor_type.shape.dim]
    rows = [sizes[0], sizes[2], sizes[3], 3]
    taken = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, rows)
    given = [
        helper.make_tensor_value_info(OUTPUT, TensorProto.UINT8, [1, None, None, 3]),
        helper.make_tensor_value_info(TOTAL, TensorProto.FLOAT, [1]),
    ]
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.append(taken)
    graph.output.extend(given)
    onnx.checker.check_model(model)
    return model


def _renamed(graph: onnx.GraphProto) -> dict[str, str]:
    """Give the graph's own input and output other names, and return them."""
    names = {INPUT: f"inside/{INPUT}", OUTPUT: f"inside/{OUTPUT}"}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return names


def _lift_constants(graph: onnx.GraphProto) -> None:
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
