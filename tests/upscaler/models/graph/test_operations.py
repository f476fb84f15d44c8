"""What each operation of a graph does to halo, alignment and scale."""

import numpy as np
import pytest
from onnx import helper

from upscaler.models.graph.receptive_field import geometry

node = helper.make_node

BESIDE = {"pads": [1, 1, 1, 1]}
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}


def kernel(*shape):
    return np.ones(shape, np.float32)


def ints(*values):
    return np.array(values, np.int64)


def floats(*values):
    return np.array(values, np.float32)


CONV = {"w": kernel(3, 3, 3, 3)}
LARGE = {"w": kernel(3, 3, 4, 4)}

# name: nodes, weights, opset, (scale, halo, alignment)
KNOWN = {
    "convolution": ([node("Conv", ["x", "w"], ["y"], **BESIDE)], CONV, 18, (1, 1, 1)),
    "dilated convolution": (
        [node("Conv", ["x", "w"], ["y"], dilations=[3, 1], pads=[3, 1, 3, 1])],
        CONV,
        18,
        (1, 3, 1),
    ),
    "transposed convolution": (
        [node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], **BESIDE)],
        LARGE,
        18,
        (2, 1, 1),
    ),
    "dilated transposed convolution": (  # its kernel spans 7
        [node("ConvTranspose", ["x", "w"], ["y"], dilations=[3, 3], pads=[3, 3, 3, 3])],
        CONV,
        18,
        (1, 3, 1),
    ),
    "other strides down the rows than along them": (
        [
            node("AveragePool", ["x"], ["a"], kernel_shape=[3, 2], strides=[3, 2]),
            node("ConvTranspose", ["a", "w"], ["y"], strides=[3, 2]),
        ],
        {"w": kernel(3, 3, 3, 2)},
        18,
        (1, 6, 6),
    ),
    "Resize by its axes": (
        [node("Resize", ["x", "", "s"], ["y"], axes=[-1, 2], **NEAREST)],
        {"s": floats(2, 2)},
        18,
        (2, 1, 1),
    ),
    "Resize of opset 10": (
        [node("Resize", ["x", "s"], ["y"], mode="linear")],
        {"s": floats(1, 1, 3, 3)},
        10,
        (3, 1, 1),
    ),
    "Upsample of opset 7": (
        [node("Upsample", ["x"], ["y"], scales=[1.0, 1.0, 2.0, 2.0])],
        {},
        7,
        (2, 1, 1),
    ),
    "a scale from a Constant": (
        [
            node("Constant", [], ["s"], value_floats=[1.0, 1.0, 2.0, 2.0]),
            node("Resize", ["x", "", "s"], ["y"], **NEAREST),
        ],
        {},
        18,
        (2, 1, 1),
    ),
    "Pad of opset 2": (
        [
            node("Pad", ["x"], ["a"], pads=[0, 0, 1, 1, 0, 0, 1, 1]),
            node("Conv", ["a", "w"], ["y"]),
        ],
        CONV,
        7,
        (1, 1, 1),
    ),
    "Concat along -3": (
        [
            node("Conv", ["x", "w"], ["a"], **BESIDE),
            node("Concat", ["x", "a"], ["b"], axis=-3),
            node("Split", ["b"], ["y", "c"], axis=-3, num_outputs=2),
        ],
        CONV,
        18,
        (1, 1, 1),
    ),
    # the convolution sees 8 pixels to the right, the padding shifts it by 4 and mirrors what has
    # seen the 12th: between two halos of 6 there is room for that
    "mirrored after a shift": (
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Pad", ["a", "p"], ["y"], mode="reflect"),
        ],
        {"w": kernel(3, 3, 9, 9), "p": ints(0, 0, 4, 4, 0, 0, 4, 4)},
        18,
        (1, 6, 1),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_geometry_of(name, onnx_model):
    nodes, weights, opset, expected = KNOWN[name]
    found = geometry(onnx_model(nodes, weights, opset=opset))
    assert (found.scale, found.halo, found.alignment) == expected
