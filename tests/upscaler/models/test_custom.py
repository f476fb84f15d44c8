"""ONNX files of other people: used if they enlarge pictures, refused with the reason if not."""

import itertools
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from upscaler import Upscaler
from upscaler.errors import ModelError
from upscaler.models import custom, find_model

node = helper.make_node
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}


def test_a_model_without_a_description_is_found_out(enlarger):
    model = find_model(str(enlarger(scale=3)), 3)
    spec = model.spec
    assert (spec.title, spec.scale, spec.halo, spec.alignment) == ("mine-x3", 3, 2, 1)


def test_the_command_runs_it(enlarger, tmp_path, command, photo):
    path, out = enlarger(), tmp_path / "out.png"
    Image.fromarray(photo).save(tmp_path / "in.png")
    code, _, errors = command("run", tmp_path / "in.png", out, "-s", 2, "-m", path)
    assert code == 0, errors
    assert Image.open(out).width == 2 * photo.shape[1]


def test_a_file_brings_its_scale(enlarger, tmp_path, command, photo):
    path, (height, width, _) = enlarger(scale=3), photo.shape
    Image.fromarray(photo).save(tmp_path / "in.png")
    code, _, errors = command("run", tmp_path / "in.png", tmp_path / "out.png", "-m", path)
    assert code == 0, errors
    assert Image.open(tmp_path / "out.png").size == (3 * width, 3 * height)
    assert Upscaler(str(path))(photo).shape == (3 * height, 3 * width, 3)


def test_weights_in_a_file_beside_it(enlarger, tmp_path):
    model = find_model(str(enlarger(external="mine.data")), 2)
    assert model.data == (tmp_path / "mine.data",)
    before = model.sha256
    content = bytearray((tmp_path / "mine.data").read_bytes())
    content[0] ^= 1
    (tmp_path / "mine.data").write_bytes(content)
    assert model.__class__(model.path, model.spec, model.data).sha256 != before


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"channels": 4, "shape": ["n", 4, "h", "w"]}, "takes 4 channels"),
        ({"shape": [4, 3, "h", "w"]}, "shape"),
        ({"kind": TensorProto.INT64}, "takes int64"),
    ],
    ids=["four", "batch", "whole numbers"],
)
def test_other_inputs_are_refused(enlarger, more, reason, refused):
    assert reason in refused(enlarger(**more))


def test_less_than_the_scale_asked_for_is_refused(enlarger, refused):
    assert "--scale 2" in refused(enlarger(scale=2), scale=3)


def test_what_makes_no_picture_is_refused(saved, refused):
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["y"])]
    assert "has to make float32" in refused(saved(nodes))


def test_a_damaged_graph_is_refused(saved, refused):
    path = saved([node("DepthToSpace", ["x"], ["y"])])
    assert f"{path} cannot be used: it does not run on a small picture" in refused(path)


def test_a_second_start_asks_nothing_again(enlarger, monkeypatch):
    path = enlarger()
    first = custom.inspect(path)
    monkeypatch.setattr(custom, "TRIAL", [sys.executable, "-c", "raise SystemExit('no')"])
    assert custom.inspect(path) == first
    onnx.save(onnx.helper.make_model(onnx.load(path).graph, producer_name="other"), path)
    with pytest.raises(ModelError, match="no"):
        custom.inspect(path)


def test_a_model_that_takes_too_long_is_refused(saved, monkeypatch, held, refused, drawn):
    monkeypatch.setattr(custom, "FIRST_LIMIT", 3)
    layers = 5000  # minutes, after which it would pass
    names = ["start", *(f"a{number}" for number in range(layers))]
    nodes = [
        node("Conv", ["x", "first"], ["start"], pads=[1, 1, 1, 1]),
        *(node("Conv", [a, "w"], [b], dilations=[1, 1]) for a, b in itertools.pairwise(names)),
        node("Conv", [names[-1], "last"], ["y"]),
    ]
    weights = {
        "first": drawn(1024, 3, 3, 3),
        "w": drawn(1024, 1024, 1, 1),
        "last": drawn(3, 1024, 1, 1),
    }
    path = saved(nodes, weights)
    assert "takes more than 3 s of work" in refused(path, scale=1)
    held("an ONNX file that computes for minutes", 1, "ended at the time limit, exit 3")


def test_a_model_that_loops_for_ever_is_refused(
    saved, folder, tmp_path, command, held, monkeypatch
):
    monkeypatch.setattr(custom, "FIRST_LIMIT", 3)
    same = [
        node("Identity", ["go"], ["going"]),
        node("Identity", ["state"], ["next"]),
    ]
    inside = [
        helper.make_tensor_value_info("number", TensorProto.INT64, []),
        helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
    ]
    outside = [
        helper.make_tensor_value_info("going", TensorProto.BOOL, []),
        helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
    ]
    body = helper.make_graph(same, "body", inside, outside)
    path = saved([node("Loop", ["", "yes", "x"], ["y"], body=body)], {"yes": np.array(True)})
    code, _, err = command("run", folder, tmp_path / "out", "-m", path, "-s", "1")
    assert (code, len(err.splitlines())) == (3, 1)
    assert "takes more than 3 s of work" in err
    held("an ONNX file with a loop that never ends", 1, "ended at the limit of work, exit 3")


def test_a_model_that_crashes_is_refused(enlarger, monkeypatch, refused):
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr(custom, "TRIAL", [sys.executable, "-c", crash])
    assert "its process ended by SIGSEGV" in refused(enlarger())


def test_a_model_whose_process_writes_something_else_is_refused(enlarger, monkeypatch, refused):
    monkeypatch.setattr(custom, "TRIAL", [sys.executable, "-c", "print('abc')"])
    assert "its process wrote something else" in refused(enlarger())


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such limit")
def test_a_model_that_takes_too_much_memory_is_refused(saved, monkeypatch, held, refused):
    monkeypatch.setattr(custom, "MEMORY_LIMIT", 1 << 30)
    by = 320  # 24 pixels of 3 channels become 0.7 GB
    nodes = [
        node("Resize", ["x", "", "scales"], ["a"], nearest_mode="floor", **NEAREST),
        node("AveragePool", ["a"], ["y"], kernel_shape=[by, by], strides=[by, by]),
    ]
    path = saved(nodes, {"scales": np.array([1, 1, by, by], np.float32)})
    assert "does not run on a small picture" in refused(path, scale=1)
    monkeypatch.setattr(custom, "MEMORY_LIMIT", 8 << 30)
    assert find_model(str(path), 1).spec.halo >= 0
    held("an ONNX file that fills the memory", 1, "ended at the memory limit, exit 3")


def test_a_model_that_fails_is_refused_with_the_reason(saved, refused, drawn):
    nodes = [node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])]
    path = saved(nodes, {"w": drawn(3, 5, 3, 3)})  # 5 channels, but there are 3
    assert "does not run on a small picture" in refused(path, scale=1)


def test_a_model_for_another_range_is_refused(saved, refused):
    path = saved([node("Mul", ["x", "peak"], ["y"])], {"peak": np.float32(255)})
    assert "has to take and give RGB in 0..1" in refused(path, scale=1)
