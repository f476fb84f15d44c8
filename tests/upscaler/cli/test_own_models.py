"""`upscaler models add`, `info` and `remove`."""

import json
import re

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from upscaler.models import find_model
from upscaler.models.own import own_models
from upscaler.models.packaged import FOLDER


@pytest.fixture(autouse=True)
def own_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def file(onnx_model, tmp_path):
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
    node = helper.make_node("Resize", ["x", "", "s"], ["y"], nearest_mode="floor", **nearest)
    onnx.save(onnx_model([node], {"s": np.array([1, 1, 2, 2], np.float32)}), tmp_path / "mine.onnx")
    return tmp_path / "mine.onnx"


def test_a_model_that_was_added_is_taken_by_its_name(file, command, folder, tmp_path):
    code, out, err = command("models", "add", file, "--licence", "CC0-1.0")
    assert code == 0, err
    assert "licence: CC0-1.0" in out and "exactly the whole picture" in out
    file.unlink()
    code, _, err = command("run", folder, tmp_path / "out", "-m", "mine", "-s", 2)
    assert code == 0, err
    assert Image.open(tmp_path / "out" / "a.png").width == 2 * Image.open(folder / "a.png").width
    spec = find_model("mine", 2).spec
    assert (spec.name, spec.licence) == ("mine", "CC0-1.0")


def test_it_is_listed_described_and_removed(file, command, monkeypatch):
    monkeypatch.setattr("upscaler.models.packaged_models", list)
    assert command("models", "add", file, "--name", "other")[0] == 0
    (listed,) = map(json.loads, command("models", "--json")[1].splitlines())
    assert (listed["model"], listed["scale"]) == ("other", 2) and "licence" not in listed
    assert "licence: not stated" in command("models", "info", "other")[1]
    assert command("models", "remove", "other")[0] == 0
    assert own_models() == []
    code, _, err = command("models", "remove", "other")
    assert code == 3 and "no model other was added" in err


@pytest.mark.parametrize(
    "name", ["fast", "fast-x2", "../up", ".hidden", "a.onnx", "my model", "-m"]
)
def test_names_that_mean_something_else_are_refused(file, command, name):
    code, _, err = command("models", "add", file, "--name", name)
    assert code == 3 and "no model can be called" in err


def test_one_that_is_broken_now_does_not_hide_the_others(file, command, monkeypatch):
    command("models", "add", file, "--name", "gone")
    command("models", "add", file, "--name", "whole")
    own_models()[0].path.unlink()
    code, out, err = command("models")
    assert code == 0 and "whole" in out and "balanced" in out
    assert err.startswith("gone: cannot read") and "; upscaler models remove gone\n" in err


def test_a_model_of_two_times_is_tried_beside_the_others(file, command, folder, tmp_path):
    page = tmp_path / "try.html"
    code, out, err = command("try", folder / "a.png", "-m", file, "-o", page)
    assert code == 0 and re.search(r"mine\.onnx +[\d.]+ s", out, re.MULTILINE), err
    code, out, err = command("try", folder / "a.png", "-m", file, "-o", page, "-s", "4")
    assert code == 3 and out == "" and "enlarges 2 times, not 4" in err


def test_a_half_of_a_model_is_not_added(command, tmp_path):
    half = tmp_path / "half.onnx"
    half.write_bytes((FOLDER / "fast-x2.int8.onnx").read_bytes())
    code, _, err = command("models", "add", half)
    assert code == 3 and "is the int8 half of a model" in err
    assert own_models() == []


def test_a_file_that_is_no_model_is_not_added(command, tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    assert command("models", "add", tmp_path / "text.onnx")[0] == 3
    assert own_models() == []
