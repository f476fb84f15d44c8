"""Which operations of a graph are refused, with the reason."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from upscaler.errors import ModelError
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


def padded(mode, *pads, axes=()):
    return [node("Pad", ["x", "p", *axes], ["y"], mode=mode)], {"p": ints(*pads)}


def constant_graph(name):
    return helper.make_graph(
        [],
        name,
        [],
        [helper.make_tensor_value_info("t", 1, [])],
        [numpy_helper.from_array(floats(1), "t")],
    )


# name: (nodes, weights), the reason
REFUSED = {
    "unknown operations": (([node("Softmax", ["x"], ["y"])], {}), "Softmax is not known"),
    "a size that is looked at": (
        ([node("Shape", ["x"], ["s"]), node("Resize", ["x", "", "", "s"], ["y"])], {}),
        "Shape is not known",
    ),
    "a map of places": (
        ([node("Add", ["x", "m"], ["y"])], {"m": kernel(1, 1, 8, 8)}),
        "Add that depends on the place",
    ),
    "a row of places": (
        ([node("Mul", ["x", "m"], ["y"])], {"m": kernel(8)}),
        "Mul that depends on the place",
    ),
    "a map of places among the channels": (
        ([node("Concat", ["x", "m"], ["y"], axis=1)], {"m": kernel(1, 1, 8, 8)}),
        "Concat that depends on the place",
    ),
    "places that are computed": (
        (
            [node("Range", ["from", "to", "by"], ["r"]), node("Add", ["x", "r"], ["y"])],
            {
                "from": floats(0).reshape(()),
                "to": floats(8).reshape(()),
                "by": floats(1).reshape(()),
            },
        ),
        "computes what its Add goes by",
    ),
    "weights that are computed": (
        (
            [node("Neg", ["w"], ["v"]), node("Conv", ["x", "v"], ["y"], **BESIDE)],
            CONV,
        ),
        "computes what its Conv goes by",
    ),
    "weights made of the picture": (
        ([node("Conv", ["x", "x"], ["y"])], {}),
        "computes what its Conv goes by",
    ),
    "nodes out of order": (
        ([node("Relu", ["a"], ["y"]), node("Neg", ["x"], ["a"])], {}),
        "Relu of 'a', not made before it",
    ),
    "inputs from nowhere": (
        ([node("Add", ["x", "b"], ["y"])], {}),
        "Add of 'b', not made before it",
    ),
    "a name twice": (
        ([node("Relu", ["x"], ["a"]), node("Neg", ["x"], ["a"]), node("Relu", ["a"], ["y"])], {}),
        "makes 'a' twice",
    ),
    "a graph inside": (
        (
            [
                node(
                    "If",
                    ["c"],
                    ["t"],
                    then_branch=constant_graph("a"),
                    else_branch=constant_graph("b"),
                ),
                node("Add", ["x", "t"], ["y"]),
            ],
            {"c": np.array(True)},
        ),
        "If with a graph inside",
    ),
    "other domains": (
        ([node("Relu", ["x"], ["y"], domain="com.microsoft")], {}),
        "Relu of com.microsoft",
    ),
    "a transposed convolution of a fixed size": (
        ([node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], output_shape=[64, 64])], LARGE),
        "output_shape",
    ),
    "a transposed convolution that crops": (
        ([node("ConvTranspose", ["x", "w"], ["y"], pads=[3, 3, 0, 0])], CONV),
        "ConvTranspose of 3 that cuts off (3, 0)",
    ),
    "a transposed convolution whose end is lost": (
        (
            [
                node("ConvTranspose", ["x", "w"], ["a"], strides=[2, 2], pads=[0, 0, 1, 1]),
                node("Pad", ["a", "p"], ["y"]),
            ],
            {"w": kernel(3, 3, 2, 2), "p": ints(0, 0, 0, 0, 0, 0, 1, 1)},
        ),
        "ConvTranspose that cuts off the edges",
    ),
    "padding by what is left over": (
        ([node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER")], CONV),
        "auto_pad",
    ),
    "wrapping": (padded("wrap", 0, 0, 1, 1, 0, 0, 1, 1), "fills in by wrap"),
    "cropping": (padded("constant", 0, 0, -1, 0, 0, 0, 1, 0), "pads by -1"),
    "padding some axes": (
        (
            padded("constant", 1, 1, axes=["", "a"])[0],
            {"p": ints(1, 1), "a": ints(2)},
        ),
        "Pad of some axes only",
    ),
    "statistics of the picture": (
        (
            [node("BatchNormalization", ["x", *"abcd"], ["y", "m", "v"], training_mode=1)],
            dict.fromkeys("abcd", kernel(3)),
        ),
        "BatchNormalization with more than one output",
    ),
    "training that goes on": (
        (
            [node("BatchNormalization", ["x", *"abcd"], ["y"], training_mode=1)],
            dict.fromkeys("abcd", kernel(3)),
        ),
        "still in training",
    ),
    "places of the largest pixels": (
        ([node("MaxPool", ["x"], ["y", "i"], kernel_shape=[3, 3], **BESIDE)], {}),
        "MaxPool with more than one output",
    ),
    "sizes that are rounded up": (
        (
            [node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)],
            {},
        ),
        "ceil_mode",
    ),
    "enlarging channels": (
        ([node("Resize", ["x", "", "s"], ["y"], **NEAREST)], {"s": floats(1, 2, 2, 2)}),
        "has to by [1, 1, n, n]",
    ),
    "joining what is not aligned": (
        (
            [node("Conv", ["x", "w"], ["a"], pads=[1, 1, 0, 0]), node("Add", ["a", "x"], ["y"])],
            CONV,
        ),
        "differ by 1 in size",
    ),
    "a picture that is too small": (
        ([node("Conv", ["x", "w"], ["y"])], CONV),
        "-2 pixels off",
    ),
    "a large alignment": (
        (
            [
                node("AveragePool", ["x"], ["a"], kernel_shape=[257, 257], strides=[257, 257]),
                node("Resize", ["a", "", "s"], ["y"], **NEAREST),
            ],
            {"s": floats(1, 1, 257, 257)},
        ),
        "multiples of 257",
    ),
    "a large halo": (
        ([node("Conv", ["x", "w"], ["y"], dilations=[1025, 1], pads=[1025, 1, 1025, 1])], CONV),
        "sees 1025 pixels far",
    ),
    "a stride of nothing": (
        ([node("Conv", ["x", "w"], ["y"], strides=[0, 0], **BESIDE)], CONV),
        "its graph is damaged: ZeroDivisionError",
    ),
    "missing attributes": (([node("DepthToSpace", ["x"], ["y"])], {}), "its graph is damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_are(name, onnx_model):
    (nodes, weights), reason = REFUSED[name]
    with pytest.raises(ModelError) as error:
        geometry(onnx_model(nodes, weights))
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_refused_are_functions_of_the_model(onnx_model):
    model = onnx_model([node("Relu", ["x"], ["y"])])
    opsets = [helper.make_opsetid("", 18)]
    model.functions.append(
        helper.make_function("mine", "Relu", ["a"], ["b"], [node("Neg", ["a"], ["b"])], opsets)
    )
    with pytest.raises(ModelError, match="functions of its own"):
        geometry(model)


def test_refused_are_damaged_tensors(onnx_model):
    model = onnx_model(*[[node("Resize", ["x", "", "s"], ["y"], **NEAREST)], {"s": floats(1)}])
    model.graph.initializer[0].CopyFrom(
        TensorProto(name="s", data_type=TensorProto.FLOAT, dims=[4], raw_data=b"123")
    )
    with pytest.raises(ModelError, match="its graph is damaged: ValueError"):
        geometry(model)


def test_refused_is_what_was_made_before_opset_7(onnx_model):
    with pytest.raises(ModelError, match="opset"):
        geometry(onnx_model([node("Relu", ["x"], ["y"])], opset=6))


def test_refused_are_scales_in_another_file(onnx_model):
    model = onnx_model(
        [node("Resize", ["x", "", "s"], ["y"], **NEAREST)], {"s": floats(1, 1, 2, 2)}
    )
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(ModelError, match="another file"):
        geometry(model)
