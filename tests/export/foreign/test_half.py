"""A graph in float16 for GPUs gives the same picture."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [pth] extra")
ort = pytest.importorskip("onnxruntime")

from upscaler_export.foreign.agreement import picture
from upscaler_export.foreign.half import on_pixels, to_half
from upscaler_export.foreign.ladder import STEPS
from upscaler_export.graph import convolution_types


@pytest.mark.parametrize("name", ["Compact", "RealCUGAN x2"])
def test_pixels_in_and_out(network, name):
    model = STEPS["traced"](network(name))
    half = to_half(model)
    assert set(convolution_types(half)) == {"float16"}
    image = picture(3, 64, 96)
    run = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run
    exact = run(None, {"image": image})[0]
    session = ort.InferenceSession(
        on_pixels(half).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rows = np.rint(image * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    pixels, total = session.run(None, {"image": rows})
    expected = np.rint(exact.clip(0, 1) * 255).transpose(0, 2, 3, 1)
    assert pixels.dtype == np.uint8 and pixels.shape == expected.shape
    assert np.abs(pixels - expected).max() <= 2
    assert total.shape == (1,) and total[0] == pytest.approx(exact.sum(), rel=0.01)
