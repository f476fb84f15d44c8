"""Weights in further files: only plain files of the model's own folder are read."""

import os

import numpy as np
import onnx
import pytest
from onnx import helper

from upscaler.errors import ModelError
from upscaler.models import find_model
from upscaler.models.graph.external_data import external_files


@pytest.fixture
def model(onnx_model, tmp_path):
    """A model in a folder of its own that keeps two kernels in two files beside it."""
    folder = tmp_path / "inner"
    folder.mkdir()
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[range(3), range(3), 1, 1] = 1
    nodes = [
        helper.make_node("Constant", [], ["v"], value=external("node.data", folder, kernel)),
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "v"], ["y"], pads=[1, 1, 1, 1]),
    ]
    made = onnx_model(nodes)
    made.graph.initializer.append(external("weight.data", folder, kernel, name="w"))
    path = folder / "mine.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def external(location, folder, values, name="v"):
    (folder / location).write_bytes(values.tobytes())
    tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=values.shape)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def wanting(path, location):
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = str(location)
    path.write_bytes(model.SerializeToString())


def refused(path):
    with pytest.raises(ModelError) as error:
        find_model(str(path), 1)
    assert error.value.exit_code == 3
    return str(error.value)


@pytest.fixture
def noted(held):
    """Note how an ONNX file tried to read what is not its own."""

    def note(words):
        held(f"an ONNX file with weights {words}", 1, "refused before they are read, exit 3")

    return note


def test_weights_of_nodes_and_of_the_graph_are_found(model):
    found = external_files(model, onnx.load(model, load_external_data=False))
    assert found == [model.parent / "node.data", model.parent / "weight.data"]


@pytest.mark.parametrize("name", ["node.data", "weight.data"])
def test_the_hash_covers_them(model, name):
    before = find_model(str(model), 1).sha256
    data = np.fromfile(model.parent / name, np.float32)
    data[0] += 0.001
    data.tofile(model.parent / name)
    assert find_model(str(model), 1).sha256 != before


@pytest.mark.parametrize("name", ["node.data", "weight.data"])
def test_a_model_is_tried_again_when_they_change(model, name):
    before = find_model(str(model), 1)
    assert find_model(str(model), 1) is before
    path = model.parent / name
    stamp = path.stat().st_mtime_ns + 10**9
    (np.fromfile(path, np.float32) * np.float32(0.9)).tofile(path)
    os.utime(path, ns=(stamp, stamp))
    after = find_model(str(model), 1)
    assert after.spec.probe != before.spec.probe


def test_refused_is_the_way_out_of_the_folder(model, noted):
    (model.parent / "weight.data").rename(model.parents[1] / "weight.data")
    wanting(model, "../weight.data")
    assert "outside its own folder" in refused(model)
    noted("by `../`")


def test_refused_is_the_way_out_and_back_in(model, noted):
    wanting(model, "../inner/weight.data")
    assert "outside its own folder" in refused(model)
    noted("by `../`")


def test_refused_is_an_absolute_path(model, noted):
    wanting(model, model.parent / "weight.data")
    assert "outside its own folder" in refused(model)
    noted("by an absolute path")


@pytest.mark.parametrize("to", ["../weight.data", "other.data"])
def test_refused_is_a_symbolic_link(model, to, noted):
    weights = model.parent / "weight.data"
    weights.rename(model.parent / to)
    weights.symlink_to(to)
    assert "a link; put a copy in its place" in refused(model)
    noted("by a symbolic link")


def test_refused_is_a_folder_that_leads_out(model, noted):
    (model.parents[1] / "weight.data").write_bytes((model.parent / "weight.data").read_bytes())
    (model.parent / "out").symlink_to(model.parents[1])
    wanting(model, "out/weight.data")
    assert "leads out of its folder" in refused(model)
    noted("by a symbolic link")


def test_refused_is_a_hard_link(model, noted):
    os.link(model.parent / "weight.data", model.parents[1] / "second.data")
    assert "a link; put a copy in its place" in refused(model)
    noted("by a hard link")


def test_refused_is_what_is_not_there(model):
    (model.parent / "weight.data").unlink()
    assert "not there" in refused(model)
