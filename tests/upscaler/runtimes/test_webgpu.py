"""What a machine without a GPU can check of WebGPU; see test_vulkan.py for the rest."""

import numpy as np
import onnxruntime as ort
import pytest

from upscaler.models import find_model
from upscaler.runtimes.memory import ran_out_of_memory

webgpu = pytest.importorskip("upscaler.runtimes.onnxruntime_webgpu", reason="needs the [gpu] extra")


def run(model, pixels):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["upscaled"], {"image": pixels})[0]


@pytest.mark.parametrize("scale", [2, 4])
def test_rounding_half_up_makes_the_same_pixels(rng, scale):
    pixels = rng.integers(0, 256, (1, 16, 24, 3), np.uint8)
    model = find_model("fast", scale).load("fp16")
    expected = run(model, pixels)
    webgpu._round_half_up(model.graph)
    assert "Round" not in {node.op_type for node in model.graph.node}
    assert np.array_equal(run(model, pixels), expected)


def test_a_buffer_that_is_too_large_is_too_little_memory():
    said = "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : raw_hash_map<>::at"
    assert ran_out_of_memory(RuntimeError(said))
