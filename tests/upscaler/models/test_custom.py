"""ONNX files of other people: used if they enlarge pictures, refused with the reason if not."""

import dataclasses
import itertools
import sys
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from upscaler import Upscaler
from upscaler.errors import ModelError
from upscaler.models import FOLDER, custom, find_model
from upscaler.models.graph.receptive_field import Geometry
from upscaler.models.probe import encode
from upscaler.models.self_test import self_test
from upscaler.models.spec import METADATA_KEY

node = helper.make_node
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}


def drawn(*shape):
    """Weights that keep about the size of what goes through them."""
    rng = np.random.default_rng(3)
    return rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)


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
def enlarger(saved):
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


def test_a_model_without_a_description_is_found_out(enlarger):
    model = find_model(str(enlarger(scale=3)), 3)
    spec = model.spec
    assert (spec.title, spec.scale, spec.halo, spec.alignment) == ("mine-x3", 3, 2, 1)


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


PADDED = {"w": drawn(3, 3, 5, 5), "p": np.array([0, 0, 2, 2, 0, 0, 2, 2])}
LEVELS = {"w": drawn(8, 3, 3, 3), "v": drawn(8, 3, 4, 4), "u": drawn(3, 3, 2, 2)}
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
        {"v3": drawn(3, 3, 4, 4)},
        "b",
    )


# name: what is done beside the enlargement (nodes, weights, its end in the size of the input)
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
        {"t": drawn(3, 3, 3, 3)},
        "b",
    ),
    "AveragePool": level(node("AveragePool", ["x"], ["a"], kernel_shape=[2, 2], strides=[2, 2])),
    "MaxPool": level(node("MaxPool", ["x"], ["a"], kernel_shape=[3, 3], strides=[2, 2], **BESIDE)),
    "uneven strides": (
        [
            node("AveragePool", ["x"], ["a"], kernel_shape=[3, 2], strides=[3, 2]),
            node("ConvTranspose", ["a", "t"], ["b"], strides=[3, 2]),
        ],
        {"t": drawn(3, 3, 3, 2)},
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
        {"w": drawn(12, 12, 3, 3)},
        "b",
    ),
    "Concat and Split": (
        [
            node("Conv", ["x", "w"], ["a"], **BESIDE),
            node("Concat", ["a", "x"], ["c"], axis=-3),
            node("Conv", ["c", "v"], ["d"], **BESIDE),
            node("Split", ["d"], ["b", "e"], axis=1, num_outputs=2),
        ],
        {"w": drawn(8, 3, 3, 3), "v": drawn(6, 11, 3, 3)},
        "b",
    ),
    "Resize nearest": resizing("nearest"),
    "Resize linear": resizing("linear"),
    "Resize cubic": resizing("cubic"),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_tiles_make_the_whole_picture_through(saved, name, photo):
    nodes, weights, end = BRANCHES[name]
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


def test_the_command_runs_it(enlarger, tmp_path, command, photo):
    path, out = enlarger(), tmp_path / "out.png"
    Image.fromarray(photo).save(tmp_path / "in.png")
    code, _, errors = command("run", tmp_path / "in.png", out, "-s", 2, "-m", path)
    assert code == 0, errors
    assert Image.open(out).width == 2 * photo.shape[1]


def test_weights_in_a_file_beside_it(enlarger, tmp_path):
    model = find_model(str(enlarger(external="mine.data")), 2)
    assert model.data == (tmp_path / "mine.data",)
    before = model.sha256
    content = bytearray((tmp_path / "mine.data").read_bytes())
    content[0] ^= 1
    (tmp_path / "mine.data").write_bytes(content)
    assert model.__class__(model.path, model.spec, model.data).sha256 != before


def refused(path, scale=2):
    with pytest.raises(ModelError) as error:
        find_model(str(path), scale)
    assert error.value.exit_code == 3
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
def test_other_inputs_are_refused(enlarger, more, reason):
    assert reason in refused(enlarger(**more))


def test_less_than_the_scale_asked_for_is_refused(enlarger):
    assert "--scale 2" in refused(enlarger(scale=2), scale=3)


@pytest.mark.parametrize("kind", ["Softmax", "GlobalAveragePool", "Transpose"])
def test_graphs_that_see_everything_are_refused(saved, kind):
    nodes = [helper.make_node(kind, ["x"], ["y"])]
    assert f"{kind} is not known" in refused(saved(nodes))


def test_a_damaged_graph_is_refused(saved):
    path = saved([node("DepthToSpace", ["x"], ["y"])])
    assert f"{path} cannot be used: its graph is damaged" in refused(path)


def test_a_model_that_takes_too_long_is_refused(saved, monkeypatch, held):
    monkeypatch.setattr(custom, "TIME_LIMIT", 3)
    layers = 5000  # minutes
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
    begun = time.monotonic()
    assert "takes more than 3 s" in refused(path, scale=1)
    assert time.monotonic() - begun < 20
    held("an ONNX file that computes for minutes", 1, "ended at the time limit, exit 3")


def test_a_model_that_loops_for_ever_is_refused(saved, folder, tmp_path, command, held):
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
    begun = time.monotonic()
    code, _, err = command("run", folder, tmp_path / "out", "-m", path, "-s", "1")
    assert (code, len(err.splitlines())) == (3, 1)
    assert "Loop" in err
    assert time.monotonic() - begun < 10
    held("an ONNX file with a loop that never ends", 1, "refused before it is run, exit 3")


def test_a_model_that_crashes_is_refused(enlarger, monkeypatch):
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr(custom, "SELF_TEST", [sys.executable, "-c", crash])
    assert "its process ended by SIGSEGV" in refused(enlarger())


def test_a_model_whose_process_writes_something_else_is_refused(enlarger, monkeypatch):
    monkeypatch.setattr(custom, "SELF_TEST", [sys.executable, "-c", "print('abc')"])
    assert "its process wrote 1 numbers" in refused(enlarger())


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such limit")
def test_a_model_that_takes_too_much_memory_is_refused(saved, monkeypatch, held):
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


def test_a_model_that_fails_is_refused_with_the_reason(saved):
    nodes = [node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])]
    path = saved(nodes, {"w": drawn(3, 5, 3, 3)})  # 5 channels, but there are 3
    assert "does not run on a small picture" in refused(path, scale=1)


def test_a_model_for_another_range_is_refused(saved):
    path = saved([node("Mul", ["x", "peak"], ["y"])], {"peak": np.float32(255)})
    assert "has to take and give RGB in 0..1" in refused(path, scale=1)


def described(path, **wrong):
    """Write into a file what it is, or what it is not."""
    spec, model = custom.describe(path), onnx.load(path)
    said = dataclasses.replace(spec, **wrong)
    onnx.helper.set_model_props(model, {METADATA_KEY: said.to_json()})
    onnx.save(model, path)
    return path


def test_a_description_that_is_true_is_taken(enlarger):
    path = described(enlarger(), name="other")
    assert find_model(str(path), 2).spec.name == "other"


@pytest.mark.parametrize("wrong", [{"halo": 1}, {"alignment": 2}, {"halo": 4000}])
def test_a_description_that_the_graph_contradicts_is_refused(enlarger, wrong):
    said = refused(described(enlarger(), **wrong))
    assert "says of itself" in said and "export it again" in said


@pytest.mark.parametrize("scale", [1, 3, 4])
def test_a_description_of_another_scale_is_refused(enlarger, scale, held):
    assert "says of itself" in refused(described(enlarger(), scale=scale), scale=scale)
    held("an ONNX file that lies about its scale", 1, "refused with the reason, exit 3")


def test_a_description_with_another_probe_is_refused(enlarger):
    other = encode(np.zeros((1, 3, 48, 48), np.float32))
    assert "another picture of the probe" in refused(described(enlarger(), probe=other))


def test_a_description_does_not_spare_the_trial(enlarger, monkeypatch):
    path = described(enlarger())
    monkeypatch.setattr(custom, "SELF_TEST", [sys.executable, "-c", "raise SystemExit('no')"])
    assert refused(path) == f"{path} cannot be used: no"


def test_a_packaged_model_is_trusted_by_its_path_too(monkeypatch):
    monkeypatch.setattr(custom, "SELF_TEST", [sys.executable, "-c", "raise SystemExit('no')"])
    assert find_model(str(FOLDER / "fast-x2.onnx"), 2) == find_model("fast", 2)


def test_a_packaged_model_is_what_its_graph_says():
    spec = find_model("fast", 2).spec
    found = custom.describe(FOLDER / "fast-x2.onnx")
    assert (found.scale, found.halo, found.alignment) == (2, spec.halo, spec.alignment)
