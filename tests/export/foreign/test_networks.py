"""Weights are recognised, or refused with what they are."""

import sys

import pytest

torch = pytest.importorskip("torch", reason="needs the [pth] extra")

from torch import nn

from upscaler.errors import ModelError
from upscaler_export.foreign.networks import recognise

pytestmark = pytest.mark.usefixtures("library")


def reason(weights):
    with pytest.raises(ModelError) as error:
        recognise(weights)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "scale", "alignment"),
    [
        ("Compact", 4, 1),
        ("ESRGAN x1", 1, 2),  # pictures of one pixel are too small for it
        ("ESRGAN x8", 8, 2),
        ("ESRGAN, unshuffled", 2, 4),
        ("SwinIR, light", 2, 16),  # windows of 8, at least 16 pixels
        ("CRAFT", 4, 16),
        ("SCUNet", 1, 64),
    ],
)
def test_what_a_network_needs_is_known(network, name, scale, alignment):
    found = network(name)
    assert (found.scale, found.alignment) == (scale, alignment)
    image = torch.rand(1, 3, alignment * 3, alignment * 2)
    kept = image.clone()
    with torch.inference_mode():
        large = found.module(image)
    assert large.shape == (1, 3, scale * image.shape[2], scale * image.shape[3])
    assert torch.equal(image, kept)


def test_wrapped_and_half_weights_are_recognised(zoo):
    plain = zoo.weights("Compact")
    half = {f"module.{name}": value.half() for name, value in plain.items()}
    found = recognise({"state_dict": half, "epoch": 3})
    assert {value.dtype for value in found.module.state_dict().values()} == {torch.float32}


def test_a_discriminator_and_a_classifier_are_named_by_their_first_weights():
    discriminator = nn.Sequential()
    discriminator.add_module("conv0", nn.Conv2d(3, 64, 3))
    discriminator.add_module("conv1", nn.Conv2d(64, 128, 4))
    assert "conv0.weight, conv0.bias, conv1.weight" in reason(discriminator.state_dict())
    classifier = {"features.0.weight": torch.rand(8, 3, 3, 3), "fc.weight": torch.rand(9, 8)}
    assert "features.0.weight, fc.weight" in reason(classifier)
    assert "none at all" in reason({})


def test_weights_that_do_not_fit_their_network_say_so(zoo):
    damaged = zoo.weights("Compact")
    damaged["body.2.weight"] = torch.rand(5, 5)
    assert "do not fit" in reason(damaged)


def test_other_purposes_are_refused_with_the_reason(library):
    restorer = library.architectures.LaMa.LaMa().state_dict()
    assert "fills holes by a mask" in reason(restorer)


def test_torchvision_is_not_imported():
    assert getattr(sys.modules["torchvision"], "__file__", None) is None
