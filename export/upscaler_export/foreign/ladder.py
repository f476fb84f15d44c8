"""From a network to an ONNX graph, by the first of torch's exporters that gets it right.

The older one follows what the network does with a picture. It knows most, but what a network
computes from its picture's size may be frozen on the way. The newer one reads the program; it
refuses such networks, or writes them right. What neither writes for all sizes is written for one.
"""

import io
from collections.abc import Callable

import onnx
import torch
from torch.export import Dim

from upscaler.models.grid import round_up
from upscaler_export.foreign.networks import Network
from upscaler_export.graph import INPUT, OUTPUT, quiet, strip

OPSET = 18
FIXED_SIDE = 256
"""Of the pictures that a graph of one size takes: 32 pixels of overlap cost it a third more."""

_SIDES = 64, 96
"""Of the picture by which a network is followed; they differ, so that they are not mixed up."""

_LARGEST_SIDE = 65536


def traced(network: Network) -> onnx.ModelProto:
    """By the older exporter, for pictures of any size."""
    return _followed(network, _sample(network, *_SIDES), {2: "height", 3: "width"})


def traced_at_one_size(network: Network) -> onnx.ModelProto:
    """By the older exporter, for pictures of FIXED_SIDE."""
    return _followed(network, _sample(network, FIXED_SIDE, FIXED_SIDE), {})


def read(network: Network) -> onnx.ModelProto:
    """By the newer exporter, for pictures of any size that is a multiple of the alignment."""
    step = network.alignment
    most = _LARGEST_SIDE // step
    sizes = {
        2: step * Dim("height_units", min=1, max=most) if step > 1 else Dim("height", max=most),
        3: step * Dim("width_units", min=1, max=most) if step > 1 else Dim("width", max=most),
    }
    return _read(network, _sample(network, *_SIDES), sizes)


def read_at_one_size(network: Network) -> onnx.ModelProto:
    """By the newer exporter, for pictures of FIXED_SIDE."""
    return _read(network, _sample(network, FIXED_SIDE, FIXED_SIDE), {})


STEPS: dict[str, Callable[[Network], onnx.ModelProto]] = {
    "traced": traced,
    "read": read,
    "traced, one size": traced_at_one_size,
    "read, one size": read_at_one_size,
}
"""The ladder, from its top; `upscaler.models.conversion` climbs it down, a process a step."""


def _sample(network: Network, height: int, width: int) -> torch.Tensor:
    sides = round_up(height, network.alignment), round_up(width, network.alignment)
    return torch.rand(1, network.channels, *sides)


def _followed(network: Network, sample: torch.Tensor, free: dict[int, str]) -> onnx.ModelProto:
    buffer = io.BytesIO()
    with quiet(), torch.inference_mode():
        torch.onnx.export(
            network.module,
            (sample,),
            buffer,  # type: ignore[arg-type]  # the older exporter takes it
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: free, OUTPUT: free} if free else None,
        )
    return _finished(onnx.load_from_string(buffer.getvalue()))


def _read(network: Network, sample: torch.Tensor, sizes: dict[int, Dim]) -> onnx.ModelProto:
    with quiet():
        program = torch.onnx.export(
            network.module,
            (sample,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes={"image": sizes} if sizes else None,
            verbose=False,
        )
    assert program is not None
    return _finished(program.model_proto)


def _finished(model: onnx.ModelProto) -> onnx.ModelProto:
    strip(model)
    onnx.checker.check_model(model)
    return model
