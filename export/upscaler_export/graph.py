"""From a network to an ONNX graph."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch.export import Dim

from upscaler.models.network import AutoEncoder, PixelForm
from upscaler.models.spec import TOTAL
from upscaler_export.bfloat16 import GraphForm

OPSET = 20
INPUT, OUTPUT = "image", "upscaled"

_WORTH_A_CAST = 256
"""Values; biases are not."""

_LARGEST_BATCH, _LARGEST_SIDE = 1024, 65536


def to_onnx(network: AutoEncoder, *, half: bool = False, pixels: bool = False) -> onnx.ModelProto:
    """Return the network as an ONNX model, batch and size dynamic, checked.

    Input `image` (N, 3, H, W) in [0, 1], H and W multiples of the network's alignment;
    output `upscaled` (N, 3, scale*H, scale*W). Both are float32.

    Args:
        half: compute in float16; input and output are float16, too.
        pixels: uint8 (N, H, W, 3) in and out instead, and a second output (see `PixelForm`).
    """
    align = network.alignment
    height = align * Dim("height_units", min=1, max=_LARGEST_SIDE // align)
    width = align * Dim("width_units", min=1, max=_LARGEST_SIDE // align)
    batch = Dim("batch", min=1, max=_LARGEST_BATCH)
    dtype = torch.float16 if half else torch.float32
    network = copy.deepcopy(network).to(dtype).eval()
    form = PixelForm(network) if pixels else GraphForm(network)
    size = 16 * align, 24 * align
    sample = torch.zeros(2, *size, 3).byte() if pixels else torch.rand(2, 3, *size).to(dtype)
    rows = 1 if pixels else 2
    with quiet():
        program = torch.onnx.export(
            form,
            (sample,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT, TOTAL] if pixels else [OUTPUT],
            dynamic_shapes={"image": {0: batch, rows: height, rows + 1: width}},
            verbose=False,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    strip(model)
    _store_in_half(model.graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def convolution_types(model: onnx.ModelProto) -> list[str]:
    """Return in what arithmetic each convolution of a graph is written: float32, float16, int8.

    Read from the weights as they reach the convolution, casts and dequantisation included.
    """
    made = {node.output[0]: node for node in model.graph.node}
    stored = {item.name: item.data_type for item in model.graph.initializer}
    types = []
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        source = made.get(node.input[1])
        if source is None:
            types.append(_NAMES[stored[node.input[1]]])
        elif source.op_type == "DequantizeLinear":
            types.append("int8")
        else:
            types.append(_NAMES[helper.get_node_attr_value(source, "to")])
    return types


_NAMES = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.FLOAT16: "float16"}


def _store_in_half(graph: onnx.GraphProto) -> None:
    """Store what float16 holds exactly as float16, cast at load: half the file, the same values."""
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if values.dtype != np.float32 or values.size < _WORTH_A_CAST or (half != values).any():
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def strip(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes of its own source code: paths of this machine, stack traces."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
        value.doc_string = ""
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]


@contextmanager
def quiet() -> Iterator[None]:
    """The exporter warns of optional packages and of its own internals: nothing a user can mend."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
