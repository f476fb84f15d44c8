import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.errors import ModelError
from upscaler.models.network import AutoEncoder, BicubicBase
from upscaler.models.spec import Architecture
from upscaler.quality.metrics import bicubic


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_untrained_network_is_exact_bicubic(rng, scale):
    image = rng.random((14, 18, 3))
    network = AutoEncoder(Architecture(scale=scale))
    with torch.inference_mode():
        output = network(torch.from_numpy(image).permute(2, 0, 1)[None].float())[0]
    border = 2 * scale  # MATLAB mirrors at the edge, the network repeats
    inner = slice(border, -border)
    np.testing.assert_allclose(
        output.permute(1, 2, 0).numpy()[inner, inner],
        bicubic(image, scale)[inner, inner],
        atol=1e-6,
    )


def test_base_keeps_white_white_in_bfloat16():
    for scale in (2, 3, 4):
        halves = BicubicBase(scale).weight.bfloat16().float()
        assert (halves.sum(dim=(1, 2, 3)) - 1).abs().max() * 255 < 0.02


@pytest.mark.parametrize("widths", [(8,), (8, 16), (8, 16, 24)])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 3), (8, 8), (13, 9)])
def test_any_size(widths, size):
    network = AutoEncoder(Architecture(scale=3, widths=widths))
    assert network(torch.rand(2, 3, *size)).shape == (2, 3, 3 * size[0], 3 * size[1])


def test_a_context_starts_as_nothing_and_then_sees_farther(rng):
    plain = AutoEncoder(Architecture(scale=2, widths=(4, 6), blocks=2))
    network = AutoEncoder(Architecture(scale=2, widths=(4, 6), blocks=2, context=5)).eval()
    torch.nn.init.normal_(plain.tail.weight, std=0.1)
    network.load_state_dict(plain.state_dict(), strict=False)
    image = torch.from_numpy(rng.random((1, 3, 32, 32), np.float32))
    assert (plain.alignment, network.alignment) == (2, 4)
    with torch.inference_mode():
        assert torch.equal(network(image), plain(image))
        torch.nn.init.normal_(network.body.below.context.up.weight, std=0.1)
        assert not torch.equal(network(image), plain(image))
        assert network(image[..., :1, :5]).shape == (1, 3, 2, 10)


def test_padding_mirrors_the_bottom_and_the_right(rng):
    network = AutoEncoder(Architecture(scale=2, widths=(8, 16))).eval()
    torch.nn.init.normal_(network.tail.weight, std=0.1)
    image = torch.from_numpy(rng.random((1, 3, 5, 7), np.float32))
    padded = np.pad(image.numpy(), ((0, 0), (0, 0), (0, 1), (0, 1)), mode="symmetric")
    with torch.inference_mode():
        whole = network.aligned(torch.from_numpy(padded))[..., :10, :14]
        np.testing.assert_array_equal(network(image).numpy(), whole.numpy())


@pytest.mark.parametrize(
    "sizes",
    [{"scale": 0}, {"widths": ()}, {"widths": (0,)}, {"blocks": -1}, {"context": 8, "blocks": 0}],
)
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ModelError, match="no such network"):
        Architecture(**sizes)
