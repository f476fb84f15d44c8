"""From a recipe to its network, whichever family it is of; and what that network costs."""

import torch
from torch import Tensor, nn

from upscaler.errors import StartError
from upscaler.hardware.cpu import available_memory_bytes
from upscaler.models.network import AutoEncoder, macs_per_pixel
from upscaler.models.spec import Architecture
from upscaler_train.networks.seed import SeedAutoEncoder
from upscaler_train.recipe import Recipe

_ON_TOP = 1.35


def build(recipe: Recipe) -> nn.Module:
    """Return the network of a recipe, with fresh weights on torch's default device."""
    if isinstance(recipe.network, Architecture):
        return AutoEncoder(recipe.network)
    return SeedAutoEncoder(recipe.network, channels(recipe))


def channels(recipe: Recipe) -> int:
    """Return 1 for grey, 3 for colour."""
    return 1 if recipe.data.grey else 3


class TrainingForm(nn.Module):
    """A network as it is trained: float32 in and out, the convolutions in bfloat16 if asked."""

    def __init__(self, network: nn.Module, *, bf16: bool) -> None:
        super().__init__()
        self.network, self._bf16 = network, bf16

    def forward(self, low: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] -> (N, C, scale * H, scale * W), not clamped."""
        network = self.network
        with torch.autocast(low.device.type, torch.bfloat16, enabled=self._bf16):
            if not isinstance(network, AutoEncoder):
                output: Tensor = network(low)
                return output.float()
            residual = network.residual(low)
        return network.onto_bicubic(low, residual.float())


def parameters(recipe: Recipe) -> int:
    """Count the trainable weights, without allocating them."""
    with torch.device("meta"):
        return sum(weights.numel() for weights in build(recipe).parameters())


def cost(recipe: Recipe, size: int) -> float:
    """Return the multiplications per output pixel for an input of `size` x `size`."""
    with torch.device("meta"):
        return macs_per_pixel(build(recipe), torch.empty(1, channels(recipe), size, size))


def check_memory(recipe: Recipe, available: int | None = None) -> None:
    """Refuse a training that this machine has too little free memory for.

    Counted are weights, gradients, Adam's two moments, the average and the copies in bfloat16,
    and as much again as a measured training of 277 million weights took on top (6.9 GiB).

    Args:
        available: bytes; by default what is free now.

    Raises:
        StartError: it would not fit.
    """
    count = parameters(recipe)
    copies = 4 + (1 if recipe.optimisation.ema else 0) + (1 if recipe.run.bf16 else 0)
    needed = int(_ON_TOP * 4 * copies * count)
    available = available_memory_bytes() if available is None else available
    if needed > available:
        raise StartError(
            f"{recipe.name} has {count / 1e6:.0f} million weights and needs "
            f"{needed / 2**30:.1f} GiB to train, {available / 2**30:.1f} GiB are free; "
            f"make the network smaller"
        )
