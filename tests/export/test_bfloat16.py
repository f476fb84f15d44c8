"""What a graph does so that it loses little in bfloat16."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [export] extra")

from upscaler import Upscaler
from upscaler.errors import RuntimeUnavailable
from upscaler.models.network import AutoEncoder
from upscaler.models.spec import Architecture
from upscaler.runtimes import RUNTIMES, precisions_of
from upscaler_export.bfloat16 import INPUT_FACTOR, Bfloat16Form, GraphForm
from upscaler_export.export import rounded
from upscaler_export.graph import to_onnx
from upscaler_export.proof import photograph, run_torch


@pytest.fixture
def network():
    torch.manual_seed(1)
    network = AutoEncoder(Architecture(scale=2, widths=(8, 8))).eval()
    torch.nn.init.normal_(network.tail.weight, std=0.02)
    return rounded(network)


def _of_255(image, other):
    return np.abs(255 * (image - other)).max()


def _computes_bf16():
    try:
        return "bf16" in precisions_of("openvino")
    except RuntimeUnavailable:
        return False


def test_values_of_eight_bits_stay_what_they_are():
    values = torch.arange(256) / 255
    assert torch.equal((values * INPUT_FACTOR).bfloat16().float(), torch.arange(256) / 256)
    assert not torch.equal(values.bfloat16().float(), values)


def test_the_factor_changes_nothing_in_float32(network):
    image = photograph()
    assert _of_255(run_torch(GraphForm(network), image), run_torch(network, image)) < 0.002


def test_what_only_repeats_pixels_is_exact_in_bfloat16(network):
    torch.nn.init.zeros_(network.tail.weight)
    image = photograph()
    exact = run_torch(network, image)
    assert _of_255(run_torch(Bfloat16Form(network), image), exact) < 0.02
    rounded_image = torch.from_numpy(image).bfloat16().float().numpy()
    assert _of_255(run_torch(network, rounded_image), exact) > 0.4


def test_openvino_leaves_the_factor_before_all_convolutions(network):
    """It reads the image as it is for operations of these two kinds only.

    For any other it rounds it first, in bfloat16: keepOriginalInputPrecisionAtPort in its
    src/plugins/intel_cpu/src/graph.cpp.
    """
    pytest.importorskip("openvino", reason="needs the [openvino] extra")
    openvino = RUNTIMES["openvino"].load()
    from upscaler.runtimes.openvino_cpu import core, ov

    hint = ov.Type.bf16 if "bf16" in openvino.precisions() else ov.Type.f32
    model = core().read_model(to_onnx(network).SerializeToString())
    compiled = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})
    readers = compiled.get_runtime_model().get_parameters()[0].output(0).get_target_inputs()
    kinds = {reader.get_node().rt_info["layerType"].astype(str) for reader in readers}
    assert kinds <= {"Eltwise", "Subgraph"}


@pytest.mark.skipif(not _computes_bf16(), reason="no bfloat16 on this CPU")
@pytest.mark.parametrize("name", ["fast-x2", "balanced-x2"])
def test_openvino_does_not_round_the_image(name):
    """Rounded, it would be 0.27 of 255 from float32 on the mean; exact, 0.07 and 0.10 (torch)."""
    low = np.rint(photograph()[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    exact = Upscaler(name, scale=2, runtime="cpu", precision="fp32")(low)
    ours = Upscaler(name, scale=2, runtime="openvino", precision="bf16")(low)
    assert np.abs(ours.astype(int) - exact).mean() < 0.18
