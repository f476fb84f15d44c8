"""What moves the weights, as a recipe asks for it."""

import torch
from pytorch_optimizer import Muon
from torch import nn

from upscaler_train.recipe import Optimisation

_ENDS = ("head.", "tail.")
_ADAM_EPSILON = 1e-8


def optimiser_for(settings: Optimisation, network: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a network's weights; the loop sets the learning rate at each step."""
    betas = (settings.beta1, settings.beta2)
    if settings.optimiser == "muon":
        return _muon(network, betas, settings.weight_decay)
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    return kind(network.parameters(), betas=betas, weight_decay=settings.weight_decay, fused=True)


def _muon(
    network: nn.Module, betas: tuple[float, float], weight_decay: float
) -> torch.optim.Optimizer:
    """Muon (Jordan et al. 2024) for the convolutions inside; AdamW for the two ends and biases.

    Its steps are scaled to be as long as AdamW's (Liu et al. 2025, "Muon is scalable for LLM
    training"), so that one learning rate does for both.
    """
    inside: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        is_inside = parameter.ndim == 4 and not name.startswith(_ENDS)
        (inside if is_inside else others).append(parameter)
    common = {"lr": 0.0, "weight_decay": weight_decay}
    adam = {"use_muon": False, "betas": betas, "eps": _ADAM_EPSILON}
    return Muon(
        [
            {"params": inside, "use_muon": True, "use_adjusted_lr": True, **common},
            {"params": others, **adam, **common},
        ]
    )
