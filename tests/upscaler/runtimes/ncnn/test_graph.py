"""The translation, run by ncnn on the CPU: what a machine without Vulkan can check."""

import numpy as np
import pytest
from onnx import helper

from upscaler.errors import RuntimeUnavailable
from upscaler.models import find_model, packaged_models
from upscaler.runtimes import RuntimeRequest, open_runtime
from upscaler.runtimes.ncnn.graph import INPUT, OUTPUT, to_ncnn


def on_the_cpu(model, image, folder):
    ncnn = pytest.importorskip("ncnn", reason="needs the [gpu] extra")
    text, weights = to_ncnn(model)
    (folder / "net.param").write_text(text)
    (folder / "net.bin").write_bytes(weights)
    net = ncnn.Net()
    net.opt.use_vulkan_compute = net.opt.use_bf16_storage = False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert not net.load_param(str(folder / "net.param"))
    assert not net.load_model(str(folder / "net.bin"))
    extractor = net.create_extractor()
    extractor.input(INPUT, ncnn.Mat(image).clone())
    code, output = extractor.extract(OUTPUT)
    assert not code
    return np.array(output)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(
            model, id=model.title, marks=() if model.spec.name == "fast" else pytest.mark.slow
        )
        for model in packaged_models()
    ],
)
def test_every_packaged_model_computes_the_same_in_ncnn(model, rng, tmp_path):
    image = rng.random((3, 24, 32), np.float32)
    expected = open_runtime(RuntimeRequest(model, "fp32"), "cpu").runtime.infer(image[None])[0]
    output = on_the_cpu(model.load("fp32"), image, tmp_path)
    assert output.shape == expected.shape
    assert np.abs(output - expected).max() < 1 / 255


def test_a_mix_of_two_models_is_translated_too(rng, tmp_path):
    model, image = find_model("photo", 2, 0.5), rng.random((3, 16, 24), np.float32)
    expected = open_runtime(RuntimeRequest(model, "fp32"), "cpu").runtime.infer(image[None])[0]
    assert np.abs(on_the_cpu(model.load("fp32"), image, tmp_path) - expected).max() < 1 / 255


def test_what_is_not_square_keeps_its_sides(onnx_model, rng, tmp_path):
    """Kernels, strides and paddings that differ from axis to axis."""
    import onnxruntime as ort

    weights = {
        "w": rng.random((4, 3, 3, 5), np.float32),
        "p": np.array([0, 0, 1, 2, 0, 0, 3, 4]),
    }
    nodes = [
        helper.make_node("Pad", ["x", "p"], ["padded"], mode="edge"),
        helper.make_node("Conv", ["padded", "w"], ["c"], pads=[1, 2, 0, 1], strides=[2, 1]),
        helper.make_node("DepthToSpace", ["c"], ["y"], blocksize=2, mode="DCR"),
    ]
    model, image = onnx_model(nodes, weights), rng.random((3, 12, 20), np.float32)
    session = ort.InferenceSession(model.SerializeToString())
    expected = session.run(None, {"x": image[None]})[0][0]
    output = on_the_cpu(model, image, tmp_path)
    assert output.shape == expected.shape
    assert np.abs(output - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (helper.make_node("Sigmoid", ["x"], ["y"]), "Sigmoid is not translated"),
        (helper.make_node("Conv", ["x", "w"], ["y"], group=3), "Conv with groups"),
        (helper.make_node("Conv", ["x", "w"], ["y"], dilations=[2, 2]), "groups or holes"),
        (helper.make_node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER"), "pads by itself"),
        (helper.make_node("Conv", ["x", "x"], ["y"]), "Conv without a constant"),
        (helper.make_node("Add", ["x", "w"], ["y"]), "Add with a constant"),
        (helper.make_node("Mul", ["x", "w"], ["y"]), "Mul is not translated"),
        (helper.make_node("Pad", ["x", "pads"], ["y"], mode="reflect"), "Pad is not translated"),
        (helper.make_node("Pad", ["x", "pads"], ["y"], mode="edge"), "Pad of channels"),
    ],
)
def test_what_is_not_translated_is_named(onnx_model, node, says):
    weights = {"w": np.ones((3, 1, 3, 3), np.float32), "pads": np.array([0, 1, 0, 0, 0, 0, 0, 0])}
    with pytest.raises(RuntimeUnavailable, match=says):
        to_ncnn(onnx_model([node], weights))
