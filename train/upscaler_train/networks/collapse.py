"""Convolutions that are trained as more than one, and are one again when the training ends.

Beside its own weight, a 3x3 convolution gets a 1x1 convolution to many channels and a 3x3 one
back. All of it is linear, so both collapse into one 3x3 weight, and this is done on the weights,
not on the pictures: a step costs hardly more, inference costs nothing (Bhardwaj et al. 2022,
"Collapsible linear blocks for super-efficient super resolution").
"""

import math
from operator import attrgetter

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class Collapsible(nn.Module):
    """Adds to a weight (out, in, k, k) what a detour over `width` channels amounts to."""

    def __init__(self, weight: Tensor, width: int) -> None:
        super().__init__()
        outputs, inputs, *size = weight.shape
        self.there = nn.Parameter(torch.randn(width, inputs) / math.sqrt(inputs))
        self.back = nn.Parameter(torch.zeros(outputs, width, *size))  # it starts as it was

    def forward(self, weight: Tensor) -> Tensor:
        """Return the collapsed weight."""
        return weight + torch.einsum("owyx,wi->oiyx", self.back, self.there)


def make_collapsible(network: nn.Module, width: int) -> None:
    """Train every convolution of `network` with a detour over `width` channels; 0 leaves it."""
    for layer in list(network.modules()) if width else []:
        if isinstance(layer, nn.Conv2d):
            parametrize.register_parametrization(layer, "weight", Collapsible(layer.weight, width))


def collapsed(network: nn.Module, like: nn.Module) -> list[Tensor]:
    """Return the weights of `network` in the order of `like`, the same network without detours."""
    return [attrgetter(name)(network) for name, _ in like.named_parameters()]
