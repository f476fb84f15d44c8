"""Models that other people might have made, and how they are refused."""

import numpy as np
import onnx
import pytest
from onnx import helper

from upscaler.errors import ModelError
from upscaler.models import find_model

node = helper.make_node
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}


@pytest.fixture
def drawn():
    """Draw weights of a shape that keep about the size of what goes through them."""

    def draw(*shape):
        rng = np.random.default_rng(3)
        return rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)

    return draw


@pytest.fixture
def saved(onnx_model, tmp_path):
    """Save a model as mine.onnx; in the file beside it, if asked for, what is large of it."""

    def save(nodes, weights=(), *, external=None, **more):
        path, model = tmp_path / "mine.onnx", onnx_model(nodes, weights, **more)
        if external:
            # the exporters leave what shapes go by in the graph itself
            onnx.save(
                model, path, save_as_external_data=True, location=external, size_threshold=100
            )
        else:
            onnx.save(model, path)
        return path

    return save


@pytest.fixture
def enlarger(saved, drawn):
    """Save convolutions, a plane for each subpixel, and a nearest-neighbour skip around them."""

    def save(*, scale=2, channels=3, **more):
        weights = {
            "w1": drawn(8, channels, 3, 3),
            "w2": drawn(channels * scale**2, 8, 3, 3),
            "slope": np.full((8, 1, 1), 0.1, np.float32),
            "little": np.full((1, 1, 1), 0.1, np.float32),
            "scales": np.array([1, 1, scale, scale], np.float32),
        }
        nodes = [
            node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
            node("PRelu", ["a", "slope"], ["b"]),
            node("Conv", ["b", "w2"], ["c"], pads=[1, 1, 1, 1]),
            node("DepthToSpace", ["c"], ["d"], blocksize=scale),
            node("Mul", ["d", "little"], ["f"]),
            node("Resize", ["x", "", "scales"], ["e"], nearest_mode="floor", **NEAREST),
            node("Add", ["f", "e"], ["y"]),
        ]
        return saved(nodes, weights, **more)

    return save


@pytest.fixture
def refused():
    """Say why a model is refused, which takes one line and exit code 3."""

    def refused(path, scale=2):
        with pytest.raises(ModelError) as error:
            find_model(str(path), scale)
        assert error.value.exit_code == 3
        assert "\n" not in str(error.value)
        return str(error.value)

    return refused
