"""What float16 and bfloat16 cost is found on any CPU."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [pth] extra")

from torch import nn

from upscaler_export.foreign.networks import Network
from upscaler_export.foreign.precision import Rounding, losses


class Times(nn.Module):
    """Multiplies by what float16 cannot hold, and back."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, image):
        return (image * self.factor) * (1 / self.factor)


def network(module):
    return Network(module, "test", scale=1, channels=3, alignment=1)


def test_every_operation_is_rounded():
    image = torch.rand(4, 4)
    with Rounding(torch.bfloat16):
        out = image + 0.1
    assert torch.equal(out, (image + 0.1).bfloat16().float()) and not torch.equal(out, image + 0.1)


def test_views_stay_views_and_what_is_written_in_place_is_rounded():
    image = torch.zeros(2, 2)
    with Rounding(torch.bfloat16):
        image[0].add_(0.1)
    assert torch.equal(image[0], torch.full((2,), 0.1).bfloat16().float()) and not image[1].any()


def test_whole_numbers_stay_as_they_are():
    with Rounding(torch.float16):
        assert torch.arange(5000).sum() == 12497500


def test_a_network_that_overflows_has_no_float16():
    assert set(losses(network(Times(1e6)))) == {"fp32", "bf16"}


def test_bfloat16_costs_more_than_float16():
    found = losses(network(Times(3.0)))
    assert found["fp32"] == 0 and 0 <= found["fp16"] <= found["bf16"]


def test_close_to_what_torch_computes_in_half():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 3, 3)).eval()
    image = torch.rand(1, 3, 12, 12)
    with torch.inference_mode():
        exact, half = layers(image), None
        with Rounding(torch.float16):
            ours = layers(image.half().float())
        half = layers.half()(image.half()).float()
    assert (ours - half).abs().max() < (exact - half).abs().max() * 3
