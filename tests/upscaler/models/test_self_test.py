"""The self-test: whatever the graph may say, what a model makes of small pictures has to fit it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from upscaler.errors import ModelError
from upscaler.models.graph.receptive_field import Geometry
from upscaler.models.probe import probe_image
from upscaler.models.self_test import self_test

node = helper.make_node

SAME = Geometry(scale=1, halo=0, alignment=1)


@pytest.fixture
def tried(onnx_model, tmp_path):
    """Run the self-test of nodes whose graph is said to have a geometry."""

    def run(nodes, weights=(), found=SAME, gives=TensorProto.FLOAT):
        model = onnx_model(nodes, weights)
        model.graph.output[0].type.tensor_type.elem_type = gives
        onnx.save(model, tmp_path / "mine.onnx")
        return self_test(tmp_path / "mine.onnx", found)

    return run


def test_what_does_nothing_passes(tried):
    np.testing.assert_array_equal(tried([node("Identity", ["x"], ["y"])]), probe_image())


@pytest.mark.parametrize(
    ("nodes", "weights"),
    [
        (  # every pixel knows the mean of all
            [
                node("GlobalAveragePool", ["x"], ["mean"]),
                node("Mul", ["mean", "little"], ["m"]),
                node("Add", ["x", "m"], ["a"]),
            ],
            {"little": np.float32(0.2)},
        ),
        (  # every pixel knows its column
            [
                node("Mul", ["x", "none"], ["z"]),
                node("Add", ["z", "one"], ["o"]),
                node("CumSum", ["o", "axis"], ["place"]),
                node("Mul", ["place", "little"], ["m"]),
                node("Add", ["x", "m"], ["a"]),
            ],
            {
                "none": np.float32(0),
                "one": np.float32(1),
                "little": np.float32(0.01),
                "axis": np.array(3),
            },
        ),
        (  # every pixel knows how high the picture is
            [
                node("Shape", ["x"], ["s"], start=2, end=3),
                node("Cast", ["s"], ["h"], to=TensorProto.FLOAT),
                node("Div", ["h", "many"], ["m"]),
                node("Add", ["x", "m"], ["a"]),
            ],
            {"many": np.float32(300)},
        ),
    ],
    ids=["mean", "column", "height"],
)
def test_pixels_that_know_more_than_their_surroundings(tried, nodes, weights):
    with pytest.raises(ModelError, match="tiles would show"):
        tried([*nodes, node("Mul", ["a", "part"], ["y"])], {**weights, "part": np.float32(0.8)})


@pytest.mark.parametrize("axis", [2, 3])
def test_a_halo_that_is_too_small(tried, axis):
    kernel = np.zeros((3, 3, 5, 5), np.float32)
    for channel in range(3):
        kernel[channel, channel, 2, 2] = 0.9
        kernel[channel, channel, *((0, 2) if axis == 2 else (2, 4))] = 0.1
    nodes = [node("Conv", ["x", "w"], ["y"], pads=[2, 2, 2, 2])]
    with pytest.raises(ModelError, match="tiles would show"):
        tried(nodes, {"w": kernel}, Geometry(1, 1, 1))
    tried(nodes, {"w": kernel}, Geometry(1, 2, 1))


def test_an_alignment_that_is_too_small(tried):
    nodes = [
        node("AveragePool", ["x"], ["a"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Resize", ["a", "", "s"], ["y"], mode="nearest"),
    ]
    weights = {"s": np.array([1, 1, 2, 2], np.float32)}
    with pytest.raises(ModelError, match="tiles would show"):
        tried(nodes, weights, Geometry(1, 2, 1))
    tried(nodes, weights, Geometry(1, 2, 2))


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([node("Concat", ["x", "x"], ["y"], axis=1)], r"float32 \(1, 6, 24, 24\)"),
        ([node("Concat", ["x", "x"], ["y"], axis=0)], r"float32 \(2, 3, 24, 24\)"),
        ([node("Concat", ["x", "x"], ["y"], axis=3)], r"float32 \(1, 3, 24, 48\)"),
    ],
    ids=["channels", "pictures", "width"],
)
def test_other_outputs(tried, nodes, reason):
    with pytest.raises(ModelError, match=reason):
        tried(nodes)


def test_other_numbers(tried):
    nodes = [node("Cast", ["x"], ["y"], to=TensorProto.DOUBLE)]
    with pytest.raises(ModelError, match="makes float64"):
        tried(nodes, gives=TensorProto.DOUBLE)


def test_sizes_that_do_not_follow(tried):
    nodes = [node("Resize", ["x", "", "", "size"], ["y"], mode="nearest")]
    with pytest.raises(ModelError, match="has to make float32"):
        tried(nodes, {"size": np.array([1, 3, 24, 24])})


@pytest.mark.parametrize(
    ("factor", "offset", "reason"),
    [(255, 0, "from 0 to 255"), (1 / 255, 0, "to 0.00392"), (2, -1, "from -1 to 1"), (0, 0.5, "")],
    ids=["gives 0..255", "takes 0..255", "gives -1..1", "grey"],
)
def test_other_ranges(tried, factor, offset, reason):
    nodes = [node("Mul", ["x", "factor"], ["a"]), node("Add", ["a", "offset"], ["y"])]
    weights = {"factor": np.float32(factor), "offset": np.float32(offset)}
    with pytest.raises(ModelError, match=f"{reason}.*has to take and give RGB in 0..1"):
        tried(nodes, weights)


def test_no_numbers(tried):
    with pytest.raises(ModelError, match="no numbers"):
        tried([node("Div", ["x", "zero"], ["y"])], {"zero": np.float32(0)})
