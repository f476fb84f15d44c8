"""A graph in float16 for GPUs gives the same picture."""

import numpy as np
import onnxruntime as ort
import pytest
from onnx import helper

from upscaler.models.half import on_pixels, to_half
from upscaler.models.probe import probe_image

node = helper.make_node


def run(model, batch):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: batch})


@pytest.fixture
def model(onnx_model, drawn):
    """A small enlarger whose scales are a node, as the older exporter leaves them."""
    scales = helper.make_tensor("scales", 1, [4], [1.0, 1.0, 2.0, 2.0])
    nodes = [
        node("Constant", [], ["scales"], value=scales),
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        node("Mul", ["a", "little"], ["b"]),
        node("Add", ["x", "b"], ["c"]),
        node("Resize", ["c", "", "scales"], ["y"], mode="nearest"),
    ]
    return onnx_model(nodes, {"w": drawn(3, 3, 3, 3), "little": np.float32(0.1)})


def test_it_takes_and_makes_float16(model):
    (large,) = run(to_half(model), probe_image().astype(np.float16))
    assert large.dtype == np.float16
    assert np.abs(large - run(model, probe_image())[0]).max() < 2e-3
    assert model.graph.input[0].type.tensor_type.elem_type == 1  # as it was


def test_on_pixels_it_takes_and_makes_bytes_and_says_their_sum(model):
    image = probe_image()
    exact = run(model, image)[0]
    rows = np.rint(image * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    pixels, total = run(on_pixels(to_half(model)), rows)
    expected = np.rint(exact.clip(0, 1) * 255).transpose(0, 2, 3, 1)
    assert pixels.dtype == np.uint8 and pixels.shape == expected.shape
    assert np.abs(pixels - expected).max() <= 1
    assert total.shape == (1,) and total[0] == pytest.approx(exact.sum(), rel=0.01)
