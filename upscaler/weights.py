"""From a model file back to its network, with the file's own weights."""

import torch
from onnx import numpy_helper

from upscaler.errors import ModelError
from upscaler.models import Model
from upscaler.network import AutoEncoder

_IN_GRAPH = "network."
_STORED_IN_HALF = ".half"


def network_of(model: Model) -> AutoEncoder:
    """Return the network of a model file in float32, ready for inference.

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
    for item in model.load("fp32").graph.initializer:
        name = item.name.removesuffix(_STORED_IN_HALF)
        if name.startswith(_IN_GRAPH):
            values = torch.from_numpy(numpy_helper.to_array(item).copy())
            weights[name.removeprefix(_IN_GRAPH)] = values.float()
    weights.pop("base.weight", None)  # follows from the scale
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the weights in {model.path} do not fit: {reason}") from None
    return network
