"""What a graph does so that it loses little in bfloat16, and what it loses nevertheless.

bfloat16 carries 8 bits. A value of a picture comes as v / 255, which it rounds by up to half a step
of 255; the bicubic base would carry that into every output pixel, and the network would sharpen it.
v / 256 it holds exactly. So a graph multiplies its input by `INPUT_FACTOR` first, which runtimes
compute in float32, and the convolutions on the input carry the inverse factor in their weights.
"""

import copy

import torch
from torch import Tensor, nn

from upscaler.models.network import AutoEncoder, BicubicBase
from upscaler.models.weights import FIRST_WEIGHTS

INPUT_FACTOR = 255 / 256


class GraphForm(nn.Module):
    """A network as it is exported: aligned images in [0, 1] in, times `INPUT_FACTOR` inside."""

    def __init__(self, network: AutoEncoder) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        weights = self.network.get_parameter(FIRST_WEIGHTS)
        with torch.no_grad():
            weights.div_(INPUT_FACTOR)
        base = BicubicBase(network.architecture.scale, gain=1 / INPUT_FACTOR)
        self.network.base = base.to(weights)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W), multiples of the alignment -> (N, 3, scale * H, scale * W)."""
        return self.network.aligned(image * INPUT_FACTOR)


class Bfloat16Form(GraphForm):
    """The same as OpenVINO computes it in bfloat16, on any CPU; float32 in and out.

    What goes into a convolution is rounded to bfloat16, its sums and the one with the bicubic base
    are not.
    """

    def __init__(self, network: AutoEncoder) -> None:
        super().__init__(network)
        for module in self.network.modules():
            if isinstance(module, nn.Conv2d | BicubicBase):
                module.weight.data = _rounded(module.weight.data)
                module.register_forward_pre_hook(lambda _, inputs: tuple(map(_rounded, inputs)))


def _rounded(values: Tensor) -> Tensor:
    return values.bfloat16().float()
