"""What moves the weights, as a recipe asks for it."""

import torch
from pytorch_optimizer import Muon
from torch import nn

from upscaler_train.recipe import Optimisation

_ENDS = ("head.", "tail.")
_ADAM_EPSILON = 1e-8
_STRIDE = 2.5
"""Times as long as AdamW's are the steps of Muon: measured, see docs/models.md."""


def optimiser_for(settings: Optimisation, network: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a network's weights; `set_rate` before each step."""
    betas = (settings.beta1, settings.beta2)
    if settings.optimiser == "muon":
        return _muon(network, betas, settings.weight_decay)
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    return kind(network.parameters(), betas=betas, weight_decay=settings.weight_decay, fused=True)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next step."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("stride", 1.0)


def _muon(
    network: nn.Module, betas: tuple[float, float], weight_decay: float
) -> torch.optim.Optimizer:
    """Muon (Jordan et al. 2024) for the convolutions inside; AdamW for the two ends and biases.

    Its steps are scaled to go with AdamW's learning rate (Liu et al. 2025, "Muon is scalable for
    LLM training").
    """
    inside: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        is_inside = parameter.ndim == 4 and not name.startswith(_ENDS)
        (inside if is_inside else others).append(parameter)
    common = {"lr": 0.0, "weight_decay": weight_decay}
    muon = {"use_muon": True, "use_adjusted_lr": True, "stride": _STRIDE}
    adam = {"use_muon": False, "betas": betas, "eps": _ADAM_EPSILON}
    return Muon([{"params": inside, **muon, **common}, {"params": others, **adam, **common}])
