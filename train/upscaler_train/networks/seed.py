"""The autoencoders of the report that this project grew out of, as one configurable network.

They work at the size of the output: strided convolutions shrink the picture, a linear layer
may squeeze everything into one vector, and transposed convolutions bring it back. What each
encoder layer saw is concatenated to the input of the decoder layer of the same size.

    conv ─┬─ conv ─┬─ conv ─┬─ (pool) ─ linear ─ linear ─ (grow) ─ cat ─ up ─ cat ─ up ─ cat ─ up
          │        │        └───────────────────────────────────────┘           │          │
          │        └────────────────────────────────────────────────────────────┘          │
          └────────────────────────────────────────────────────────────────────────────────┘
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from upscaler_train.networks.seed_architecture import SeedArchitecture


class _Function(nn.Module):
    """A function without weights, as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._function = function

    def forward(self, x: Tensor) -> Tensor:
        return self._function(x)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "binary-step": lambda: _Function(lambda x: (x > 0).to(x.dtype)),
    "saturating-linear": lambda: nn.Hardtanh(0.0, 1.0),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "arctan": lambda: _Function(torch.arctan),
    "relu": nn.ReLU,
    "prelu": nn.PReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "softmax": lambda: nn.Softmax(dim=1),
}
"""Every activation of the report's table; softmax runs over the channels."""

NORMALISATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda width: nn.Identity(),
    "batch": nn.BatchNorm2d,
    "instance": lambda width: nn.InstanceNorm2d(width, affine=True),
    "group": lambda width: nn.GroupNorm(math.gcd(8, width), width),
}

POOLINGS: dict[str, Callable[[], nn.Module]] = {
    "none": nn.Identity,
    "max": lambda: nn.MaxPool2d(2),
    "average": lambda: nn.AvgPool2d(2),
}


class SeedAutoEncoder(nn.Module):
    """One autoencoder of the report; `channels` is 3 for RGB, 1 for grey."""

    def __init__(self, architecture: SeedArchitecture, channels: int = 3) -> None:
        super().__init__()
        self.architecture = architecture
        steps = list(zip((channels, *architecture.widths), architecture.widths, strict=False))
        self.encoder = nn.ModuleList(
            _layer(architecture, nn.Conv2d, before, after, architecture.activation)
            for before, after in steps
        )
        self.pool = POOLINGS[architecture.pooling]()
        self.squeeze, self.spread = self._bottleneck()
        self.grow = self._growth()
        self.decoder = nn.ModuleList(
            _layer(
                architecture, nn.ConvTranspose2d, 2 * after, before, activation, last=number == 0
            )
            for number, (before, after), activation in zip(
                reversed(range(len(steps))), reversed(steps), architecture.decoder, strict=True
            )
        )

    def _bottleneck(self) -> tuple[nn.Module, nn.Module]:
        architecture = self.architecture
        if not architecture.bottleneck:
            return nn.Identity(), nn.Identity()
        size = architecture.sizes[-1] // (1 if architecture.pooling == "none" else 2)
        values = architecture.widths[-1] * size * size
        squeeze = nn.Sequential(nn.Flatten(), nn.Linear(values, architecture.bottleneck))
        shape = (architecture.widths[-1], size, size)
        spread = nn.Linear(architecture.bottleneck, values), nn.Unflatten(1, shape)
        return squeeze, nn.Sequential(*spread)

    def _growth(self) -> nn.Module | None:
        """The doubling that undoes the pooling."""
        if self.architecture.pooling == "none":
            return None
        width = self.architecture.widths[-1]
        return nn.Sequential(
            nn.ConvTranspose2d(width, width, kernel_size=4, stride=2, padding=1),
            ACTIVATIONS[self.architecture.activation](),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, size, size) in [0, 1] -> the same shape, not clamped."""
        seen = [x]
        for layer in self.encoder:
            seen.append(layer(seen[-1]))
        out: Tensor = self.spread(self.squeeze(self.pool(seen[-1])))
        if self.grow is not None:
            out = self.grow(out)
        for layer, skip, target in zip(self.decoder, seen[:0:-1], seen[-2::-1], strict=True):
            out = layer(torch.cat([_fitted(out, skip), skip], dim=1))
            out = _fitted(out, target)
        return out


def _layer(
    architecture: SeedArchitecture,
    kind: type[nn.Conv2d] | type[nn.ConvTranspose2d],
    before: int,
    after: int,
    activation: str,
    *,
    last: bool = False,
) -> nn.Sequential:
    """Convolution, normalisation, activation; the last layer of all is not normalised."""
    normalisation = "none" if last else architecture.normalisation
    return nn.Sequential(
        kind(before, after, architecture.kernel, architecture.stride, architecture.padding),
        NORMALISATIONS[normalisation](after),
        ACTIVATIONS[activation](),
    )


def _fitted(x: Tensor, target: Tensor) -> Tensor:
    """Repeat the last row and column where the stride's division dropped some."""
    bottom, right = target.shape[-2] - x.shape[-2], target.shape[-1] - x.shape[-1]
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x
