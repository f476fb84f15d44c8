"""Which weights are moved how."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from torch import nn

from upscaler.models.network import AutoEncoder
from upscaler.models.spec import Architecture
from upscaler_train.recipe import Optimisation
from upscaler_train.training.optimisers import optimiser_for, set_rate


@pytest.fixture
def network():
    torch.manual_seed(0)
    return AutoEncoder(Architecture(scale=2, widths=(8, 16)))


def moved_by(kind, network, rate=0.01):
    """Take one step; returns how far each weight went."""
    optimiser = optimiser_for(Optimisation(optimiser=kind), network)
    set_rate(optimiser, rate)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    network(torch.rand(1, 3, 16, 16)).square().sum().backward()
    optimiser.step()
    return {name: before[name] - weight.detach() for name, weight in network.named_parameters()}


def test_muon_steps_in_all_directions_alike(network):
    nn.init.normal_(network.tail.weight)  # at zero no other weight has a gradient
    down = moved_by("muon", network)["body.down.weight"].flatten(1)
    strengths = torch.linalg.svdvals(down)
    strengths = strengths[strengths > 1e-6]  # channels that nothing reaches do not move
    assert len(strengths) > 8
    assert strengths.max() < 2.5 * strengths.min()
    # 2.5 times as long as AdamW's steps, which are 0.2 of the learning rate or so
    assert down.square().mean().sqrt() == pytest.approx(2.5 * 0.2 * 0.01, rel=0.3)


def test_muon_leaves_both_ends_and_biases_to_adamw(network):
    nn.init.normal_(network.tail.weight)
    steps = moved_by("muon", network)
    for name in ("head.weight", "tail.weight", "body.down.bias"):
        changed = steps[name][steps[name] != 0].abs()
        torch.testing.assert_close(changed, torch.full_like(changed, 0.01), rtol=0.02, atol=0)


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_the_others_move_all_weights_alike(network, kind):
    nn.init.normal_(network.tail.weight)
    step = moved_by(kind, network)["body.down.weight"].abs()
    assert step.max() == pytest.approx(0.01, rel=0.02)
