import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [export] extra")

from torch import nn

from upscaler.models.graph.receptive_field import geometry
from upscaler.models.network import AutoEncoder
from upscaler.models.spec import Architecture
from upscaler_export.graph import to_onnx

ARCHITECTURES = [
    Architecture(scale=2, widths=(4,), blocks=2),
    Architecture(scale=2, widths=(4, 6)),
    Architecture(scale=3, widths=(4, 6), encoder=0, decoder=2, blocks=3),
    Architecture(scale=4, widths=(4, 6, 8), blocks=2),
    Architecture(scale=1, widths=(4, 4)),
    Architecture(scale=2, widths=(4, 6), blocks=2, context=5, context_blocks=1),
]


def sensitive(architecture):
    """A network whose every weight is positive: no path can cancel another."""
    network = AutoEncoder(architecture).double()
    with torch.no_grad():
        for parameter in network.parameters():
            nn.init.uniform_(parameter, 0.1, 0.2)
    return network


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_halo_is_how_far_an_output_sees(architecture):
    network = sensitive(architecture)
    found = geometry(to_onnx(network.float()))
    assert found.scale == architecture.scale
    assert found.alignment == network.alignment

    network.double()
    core = 4 * found.alignment
    margin = found.halo + 2 * found.alignment
    side = core + 2 * margin
    image = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    inner = slice(margin * found.scale, (margin + core) * found.scale)
    network.aligned(image)[..., inner, inner].sum().backward()
    reached = np.flatnonzero(image.grad.abs().sum(dim=(0, 1, 3)).numpy())
    reach = max(margin - reached[0], reached[-1] - (margin + core - 1))
    # never too small; the bound per operation may be a little more than the whole needs
    assert reach <= found.halo < reach + 2 * found.alignment
