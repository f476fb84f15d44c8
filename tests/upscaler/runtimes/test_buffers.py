import numpy as np
import pytest
from onnx import helper

from upscaler.models import find_model
from upscaler.runtimes.buffers import MOST_BYTES, bytes_per_pixel, largest_side


@pytest.mark.parametrize(("name", "scale", "channels"), [("fast", 2, 32), ("fast", 4, 48)])
def test_the_widest_value_counts(name, scale, channels):
    """At the full resolution: the head of 32 channels, or the tail of 3 for each of 16 pixels."""
    model = find_model(name, scale)
    assert bytes_per_pixel(model.load("fp32"), model.spec.alignment) == 4 * channels
    side = largest_side(model.load("fp32"), model.spec.alignment)
    assert side % model.spec.alignment == 0
    assert 0.98 * MOST_BYTES < 4 * channels * side**2 <= MOST_BYTES


def test_a_wide_layer_after_enlarging_makes_tiles_small(onnx_model):
    weights = {"w": np.ones((256, 3, 3, 3), np.float32), "v": np.ones((64, 64, 1, 1), np.float32)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["a"], ["b"], blocksize=2),
        helper.make_node("Conv", ["b", "v"], ["y"]),
    ]
    model = onnx_model(nodes, weights)
    assert bytes_per_pixel(model, 2) == 4 * 64 * 4
    assert largest_side(onnx_model(nodes, weights), 2) == 362
