"""ONNX files of other people: used if they enlarge pictures, refused with the reason if not."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from upscaler import Upscaler
from upscaler.errors import ModelError
from upscaler.models import FOLDER, find, foreign

SHAPE = ["n", 3, "h", "w"]


def save(path, nodes, weights=(), *, shape=SHAPE, kind=TensorProto.FLOAT, external=None):
    constants = [numpy_helper.from_array(values, name) for name, values in weights]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, ["n", "c", "hh", "ww"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if external:
        # the exporters leave what shapes go by in the graph itself
        onnx.save(model, path, save_as_external_data=True, location=external, size_threshold=100)
    else:
        onnx.save(model, path)
    return path


def enlarger(path, *, scale=2, channels=3, **more):
    """Convolutions, a plane for each subpixel, and a nearest-neighbour skip around them."""
    rng = np.random.default_rng(3)
    weights = [
        ("w1", rng.normal(0, 0.1, (8, channels, 3, 3)).astype(np.float32)),
        ("w2", rng.normal(0, 0.1, (channels * scale**2, 8, 3, 3)).astype(np.float32)),
        ("slope", np.full((8, 1, 1), 0.1, np.float32)),
        ("scales", np.array([1, 1, scale, scale], np.float32)),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("PRelu", ["a", "slope"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["c"], ["d"], blocksize=scale),
        helper.make_node(
            "Resize",
            ["x", "", "scales"],
            ["e"],
            coordinate_transformation_mode="asymmetric",
            mode="nearest",
            nearest_mode="floor",
        ),
        helper.make_node("Add", ["d", "e"], ["y"]),
    ]
    return save(path, nodes, weights, **more)


def test_a_model_without_a_description_is_found_out(tmp_path):
    model = find(str(enlarger(tmp_path / "mine.onnx", scale=3)), 3)
    spec = model.spec
    assert (spec.title, spec.scale, spec.halo, spec.alignment) == ("mine-x3", 3, 2, 1)


@pytest.mark.parametrize("runtime", ["cpu", "openvino"])
def test_its_tiles_make_the_picture_that_it_makes_whole(tmp_path, runtime, photo):
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="OpenVINO is for x86-64")
    path = str(enlarger(tmp_path / "mine.onnx"))
    whole, tiled = (
        Upscaler(path, scale=2, runtime=runtime, tile=tile)(photo) for tile in (None, 16)
    )
    assert whole.shape == (2 * photo.shape[0], 2 * photo.shape[1], 3)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_the_command_runs_it(tmp_path, command, photo):
    path, out = enlarger(tmp_path / "mine.onnx"), tmp_path / "out.png"
    Image.fromarray(photo).save(tmp_path / "in.png")
    code, _, errors = command("run", tmp_path / "in.png", out, "-s", 2, "-m", path)
    assert code == 0, errors
    assert Image.open(out).width == 2 * photo.shape[1]


def test_weights_in_a_file_beside_it(tmp_path):
    model = find(str(enlarger(tmp_path / "mine.onnx", external="mine.data")), 2)
    assert model.data == (tmp_path / "mine.data",)
    before = model.sha256
    content = bytearray((tmp_path / "mine.data").read_bytes())
    content[0] ^= 1
    (tmp_path / "mine.data").write_bytes(content)
    assert model.__class__(model.path, model.spec, model.data).sha256 != before


def refused(path, scale=2):
    with pytest.raises(ModelError) as error:
        find(str(path), scale)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"channels": 1, "shape": ["n", 1, "h", "w"]}, "takes 1 channels"),
        ({"shape": ["n", 3, 64, 64]}, "pictures of 64x64 only"),
        ({"shape": [4, 3, "h", "w"]}, "shape"),
        ({"kind": TensorProto.FLOAT16}, "takes float16"),
    ],
    ids=["grey", "fixed", "batch", "half"],
)
def test_other_inputs_are_refused(tmp_path, more, reason):
    assert reason in refused(enlarger(tmp_path / "mine.onnx", **more))


def test_another_scale_is_refused(tmp_path):
    assert "--scale 3" in refused(enlarger(tmp_path / "mine.onnx", scale=3))


@pytest.mark.parametrize("kind", ["Softmax", "GlobalAveragePool", "Transpose"])
def test_graphs_that_see_everything_are_refused(tmp_path, kind):
    nodes = [helper.make_node(kind, ["x"], ["y"])]
    assert f"{kind} is not known" in refused(save(tmp_path / "mine.onnx", nodes))


def test_a_constant_for_each_place_is_refused(tmp_path):
    nodes = [helper.make_node("Add", ["x", "map"], ["y"])]
    weights = [("map", np.zeros((1, 3, 24, 24), np.float32))]
    assert "depends on the place" in refused(save(tmp_path / "mine.onnx", nodes, weights))


def test_weights_outside_its_folder_are_refused(tmp_path):
    path = enlarger(tmp_path / "mine.onnx", external="mine.data")
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../../etc/passwd"
    path.write_bytes(model.SerializeToString())
    assert "outside its own folder" in refused(path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = enlarger(inner / "mine.onnx", external="mine.data")
    (inner / "mine.data").rename(tmp_path / "mine.data")
    (inner / "mine.data").symlink_to(tmp_path / "mine.data")
    assert "outside its own folder" in refused(path)


def test_missing_weights_are_refused(tmp_path):
    path = enlarger(tmp_path / "mine.onnx", external="mine.data")
    (tmp_path / "mine.data").unlink()
    assert "not there" in refused(path)


def test_a_model_that_takes_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "TIME_LIMIT", 0.01)
    assert "takes more than 0.01 s" in refused(enlarger(tmp_path / "mine.onnx"))


def test_a_model_that_fails_is_refused_with_the_reason(tmp_path):
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])]
    weights = [("w", np.zeros((3, 5, 3, 3), np.float32))]  # 5 channels, but there are 3
    assert "does not run on a small picture" in refused(
        save(tmp_path / "mine.onnx", nodes, weights), scale=1
    )


def test_no_numbers_are_refused(tmp_path):
    nodes = [helper.make_node("Div", ["x", "zero"], ["y"])]
    weights = [("zero", np.zeros((1, 1, 1), np.float32))]
    assert "no numbers" in refused(save(tmp_path / "mine.onnx", nodes, weights), scale=1)


def test_a_packaged_model_is_what_its_graph_says():
    spec = find("fast", 2).spec
    found = foreign.describe(FOLDER / "fast-x2.onnx")
    assert (found.scale, found.halo, found.alignment) == (2, spec.halo, spec.alignment)
