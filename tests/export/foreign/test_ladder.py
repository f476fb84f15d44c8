"""A step of the ladder counts only if it is right at every size."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [pth] extra")
onnx = pytest.importorskip("onnx")

from dataclasses import replace

from torch import nn

from upscaler.errors import ProofError
from upscaler.models.conversion import STEPS as KNOWN
from upscaler_export.foreign.agreement import BOUND, compare, fixed_size, picture, pictures
from upscaler_export.foreign.ladder import FIXED_SIDE, STEPS
from upscaler_export.foreign.networks import Network


class Frozen(nn.Module):
    """Adds the width of its picture, which the older exporter takes for a constant."""

    def forward(self, image):
        return image + int(image.shape[-1]) / 1000


FROZEN = Network(Frozen(), "Frozen", scale=1, channels=3, alignment=1)


def test_both_rooms_know_the_same_steps():
    assert tuple(STEPS) == KNOWN


@pytest.mark.parametrize("name", ["Compact", "SPAN", "RealCUGAN x2", "DnCNN, grey"])
def test_the_first_step_is_right_for_most(network, name):
    found = network(name)
    model = STEPS["traced"](found)
    assert fixed_size(model) is None
    assert compare(found, model) <= BOUND
    assert [image.shape[1] for image in pictures(found, model)] == [found.channels] * 3


def test_what_is_wrong_at_other_sizes_does_not_count():
    model = STEPS["traced"](FROZEN)
    with pytest.raises(ProofError, match="ONNX Runtime differs from torch"):
        compare(FROZEN, model)


def test_a_graph_of_one_size_is_compared_at_that_size():
    model = STEPS["traced, one size"](FROZEN)
    assert fixed_size(model) == (FIXED_SIDE, FIXED_SIDE)
    assert compare(FROZEN, model) <= BOUND


def test_what_a_network_says_of_itself_has_to_be_so(network):
    found = replace(network("Compact"), scale=2)
    with pytest.raises(ProofError, match="and not"):
        compare(found, STEPS["traced"](found))


def test_no_path_of_this_machine_is_in_the_graph(network):
    content = STEPS["traced"](network("Compact")).SerializeToString()
    assert b"site-packages" not in content and b".py" not in content


@pytest.mark.slow
def test_dysample_is_wrong_traced_and_right_read(network):
    found = network("RealPLKSR, DySample")
    with pytest.raises(ProofError):
        compare(found, STEPS["traced"](found))
    assert compare(found, STEPS["read"](found)) <= BOUND


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (3, 1, 200, 130)])
def test_a_photograph_is_repeated_to_any_size(shape):
    batch = picture(*shape[1:]) if shape[0] == 1 else picture(1, *shape[2:])
    assert batch.shape[2:] == shape[2:] and 0 <= batch.min() < batch.max() <= 1
