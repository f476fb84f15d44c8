"""Tiles of other people's models make the picture that the whole makes."""

import numpy as np
import pytest
from onnx import helper

from upscaler import Upscaler
from upscaler.errors import ModelError
from upscaler.models import find_model
from upscaler.models.graph.receptive_field import Geometry
from upscaler.models.self_test import self_test

node = helper.make_node
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}


@pytest.mark.parametrize("runtime", ["cpu", "openvino"])
def test_its_tiles_make_the_picture_that_it_makes_whole(enlarger, runtime, photo):
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="OpenVINO is for x86-64")
    path = str(enlarger())
    whole, tiled = (
        Upscaler(path, scale=2, runtime=runtime, tile=tile)(photo) for tile in (None, 16)
    )
    assert whole.shape == (2 * photo.shape[0], 2 * photo.shape[1], 3)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


PADDED = {"w": (3, 3, 5, 5), "p": np.array([0, 0, 2, 2, 0, 0, 2, 2])}
LEVELS = {"w": (8, 3, 3, 3), "v": (8, 3, 4, 4), "u": (3, 3, 2, 2)}
BESIDE = {"pads": [1, 1, 1, 1]}


def padding(mode):
    nodes = [node("Pad", ["x", "p"], ["a"], mode=mode), node("Conv", ["a", "w"], ["b"])]
    return nodes, PADDED, "b"


def level(*down):
    """Down by two, a layer there, and back."""
    nodes = [*down, node("ConvTranspose", ["a", "u"], ["b"], strides=[2, 2])]
    return nodes, LEVELS, "b"


def resizing(mode):
    """Up by two in another way, which sees its neighbours, and a layer there that halves."""
    up = node("Resize", ["x", "", "scales"], ["a"], mode=mode)
    return (
        [up, node("Conv", ["a", "v3"], ["b"], strides=[2, 2], **BESIDE)],
        {"v3": (3, 3, 4, 4)},
        "b",
    )


# name: what is done beside the enlargement (nodes, shapes of weights or their values, the name of
# its end, in the size of the input)
BRANCHES = {
    "ConvTranspose": (
        [
            node(
                "ConvTranspose",
                ["x", "t"],
                ["a"],
                dilations=[2, 2],
                strides=[2, 2],
                pads=[2, 1, 1, 2],
            ),
            node("AveragePool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2]),
        ],
        {"t": (3, 3, 3, 3)},
        "b",
    ),
    "AveragePool": level(node("AveragePool", ["x"], ["a"], kernel_shape=[2, 2], strides=[2, 2])),
    "MaxPool": level(node("MaxPool", ["x"], ["a"], kernel_shape=[3, 3], strides=[2, 2], **BESIDE)),
    "uneven strides": (
        [
            node("AveragePool", ["x"], ["a"], kernel_shape=[3, 2], strides=[3, 2]),
            node("ConvTranspose", ["a", "t"], ["b"], strides=[3, 2]),
        ],
        {"t": (3, 3, 3, 2)},
        "b",
    ),
    "Pad constant": padding("constant"),
    "Pad edge": padding("edge"),
    "Pad reflect": padding("reflect"),
    "SpaceToDepth": (
        [
            node("SpaceToDepth", ["x"], ["a"], blocksize=2),
            node("Conv", ["a", "w"], ["c"], **BESIDE),
            node("DepthToSpace", ["c"], ["b"], blocksize=2),
        ],
        {"w": (12, 12, 3, 3)},
        "b",
    ),
    "Concat and Split": (
        [
            node("Conv", ["x", "w"], ["a"], **BESIDE),
            node("Concat", ["a", "x"], ["c"], axis=-3),
            node("Conv", ["c", "v"], ["d"], **BESIDE),
            node("Split", ["d"], ["b", "e"], axis=1, num_outputs=2),
        ],
        {"w": (8, 3, 3, 3), "v": (6, 11, 3, 3)},
        "b",
    ),
    "Resize nearest": resizing("nearest"),
    "Resize linear": resizing("linear"),
    "Resize cubic": resizing("cubic"),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_tiles_make_the_whole_picture_through(saved, drawn, name, photo):
    nodes, shapes, end = BRANCHES[name]
    weights = {
        name: drawn(*values) if isinstance(values, tuple) else values
        for name, values in shapes.items()
    }
    path = saved(
        [
            *nodes,
            node("Mul", [end, "little"], ["small"]),
            node("Add", ["x", "small"], ["sum"]),
            node("Resize", ["sum", "", "scales"], ["y"], nearest_mode="floor", **NEAREST),
        ],
        {**weights, "little": np.float32(0.2), "scales": np.array([1, 1, 2, 2], np.float32)},
    )
    whole, tiled = (
        Upscaler(str(path), scale=2, runtime="cpu", tile=tile)(photo) for tile in (None, 5)
    )
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    spec = find_model(str(path), 2).spec
    with pytest.raises(ModelError, match="tiles would show"):  # so there was something to find
        self_test(path, Geometry(2, 0, 1))
    assert spec.halo > 0
