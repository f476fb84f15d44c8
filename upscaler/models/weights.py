"""From a model file back to its network, with the file's own weights."""

import onnx
import torch
from onnx import numpy_helper

from upscaler.errors import ModelError
from upscaler.models.graph.receptive_field import graph_input
from upscaler.models.model import Model
from upscaler.models.network import AutoEncoder

FIRST_WEIGHTS = "head.weight"
"""Those that carry the inverse of what a graph multiplies its image by."""

_IN_GRAPH = "network."
_STORED_IN_HALF = ".half"


def network_of(model: Model) -> AutoEncoder:
    """Return the network of a model file in float32, ready for inference.

    The weights are the file's to within one rounding of float32.

    Raises:
        ModelError: the file holds other weights than its description says, or is no AE-U.
    """
    if model.spec.architecture is None:
        raise ModelError(f"{model.path} is not a network of this project")
    network = AutoEncoder(model.spec.architecture).eval()
    # the exporter leaves out biases that are all zero
    weights = {
        name: torch.zeros_like(tensor)
        for name, tensor in network.state_dict().items()
        if name.endswith(".bias")
    }
    graph = model.load("fp32").graph
    for item in graph.initializer:
        name = item.name.removesuffix(_STORED_IN_HALF)
        if name.startswith(_IN_GRAPH):
            values = torch.from_numpy(numpy_helper.to_array(item).copy())
            weights[name.removeprefix(_IN_GRAPH)] = values.float()
    weights.pop("base.weight", None)  # follows from the scale
    factor = _input_factor(graph)
    if factor is None:
        raise ModelError(f"{model.path} does to its image what no network of this project does")
    if FIRST_WEIGHTS in weights:
        weights[FIRST_WEIGHTS] *= factor
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the weights in {model.path} do not fit: {reason}") from None
    return network


def _input_factor(graph: onnx.GraphProto) -> float | None:
    """Return what a graph multiplies its image by: 1 in older ones; None if it does otherwise."""
    image = graph_input(graph).name
    readers = [node for node in graph.node if image in node.input]
    if {node.op_type for node in readers} == {"Conv", "Pad"}:
        return 1.0
    if [node.op_type for node in readers] != ["Mul"]:
        return None
    factors = [item for item in graph.initializer if item.name in readers[0].input]
    values = [value for item in factors for value in numpy_helper.to_array(item).flat]
    return float(values[0]) if len(values) == 1 else None
