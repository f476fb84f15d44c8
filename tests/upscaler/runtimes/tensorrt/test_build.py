"""Engines from NVIDIA's own parser and builder, without a GPU: what can be seen of them there."""

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="needs the [export] extra")
onnx = pytest.importorskip("onnx")

from upscaler.errors import OutputError, ProofError
from upscaler.hardware import folders
from upscaler.models import find_model
from upscaler.models.grid import AUTO_TILE
from upscaler.runtimes.groups import group_size
from upscaler.runtimes.tensorrt import build


def test_an_engine_is_built_once(trt, cache, key, monkeypatch):
    model = find_model("fast", 2)
    first = build.cached_engine(trt, model, key, cache)
    assert key.side == AUTO_TILE + 2 * model.spec.halo
    assert len(first.content) > 100_000 and not first.proved
    monkeypatch.setattr(build, "build", None)
    assert build.cached_engine(trt, model, key, cache) == first
    build.mark_proved(cache, key)
    assert build.cached_engine(trt, model, key, cache).proved


def test_an_engine_that_cannot_be_read_is_built_again(trt, cache, key):
    model = find_model("fast", 2)
    cache.path(key).write_bytes(b"half written")
    built = build.cached_engine(trt, model, key, cache)
    assert len(built.content) > 100_000
    assert cache.get(key) == built


def test_what_cannot_be_kept_is_said(trt, cache, key, monkeypatch):
    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        build.cached_engine(trt, find_model("fast", 2), key, cache)
    assert not list(cache.folder.glob("*.engine"))


@pytest.fixture
def heavy(tmp_path):
    """A model whose weights lie in a file of their own."""
    path = tmp_path / "heavy" / "fast-x2.onnx"
    path.parent.mkdir()
    facts = {"location": "weights.bin", "size_threshold": 1024}
    model = onnx.load(find_model("fast", 2).path)
    onnx.save(model, path, save_as_external_data=True, **facts)
    return path


def test_weights_in_a_file_of_their_own_are_found(trt, heavy, cache):
    model = find_model(str(heavy), 2)
    key = build.engine_key(trt, model, "fp32", device=0)
    assert len(build.cached_engine(trt, model, key, cache).content) > 100_000


def test_other_weights_are_another_engine(trt, heavy):
    before = build.engine_key(trt, find_model(str(heavy), 2), "fp32", device=0)
    weights = heavy.with_name("weights.bin")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    other = replace(find_model(str(heavy), 2))  # a Model remembers its sha256
    assert build.engine_key(trt, other, "fp32", device=0).model != before.model


def test_tiles_are_on_the_grid_of_the_model(trt):
    model = find_model("fast", 2)
    coarse = replace(model, spec=replace(model.spec, alignment=48, halo=48))
    assert build.engine_key(trt, coarse, "fp32", device=0).side == 11 * 48 + 2 * 48


def test_a_graph_without_convolutions_says_so(trt, tmp_path):
    shape = ["batch", 3, "height", "width"]
    ends = [onnx.helper.make_tensor_value_info(name, 1, shape) for name in ("image", "same")]
    node = onnx.helper.make_node("Relu", ["image"], ["same"])
    graph = onnx.helper.make_graph([node], "graph", ends[:1], ends[1:])
    path = tmp_path / "none.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)]), path)
    with pytest.raises(ProofError, match="has no convolution"):
        build.build(trt, path, precision="fp32", side=64, alignment=2)


def shapes(trt, path, side, alignment):
    """Return what the profiles for a model take: least, usual and most."""
    said = build.error_log(trt)
    builder = trt.Builder(said)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    assert trt.OnnxParser(network, said).parse(path.read_bytes(), str(path))
    image = network.get_input(0)
    made = build.profiles(trt, builder, image, side, alignment)
    return [[tuple(shape) for shape in profile.get_shape(image.name)] for profile in made]


def test_every_tile_has_its_profile(trt):
    model = find_model("fast", 2)
    tiles, smaller, groups = shapes(trt, model.path, 532, 2)
    assert tiles == [(1, 3, 532, 532)] * 3
    assert smaller == [(1, 3, 2, 2), (1, 3, 128, 128), (1, 3, 532, 532)]
    assert groups == [(2, 3, 2, 2), (4, 3, 128, 128), (8, 3, 180, 180)]
    pixels = model.source("fp16")
    assert shapes(trt, pixels, 532, 2)[build.GROUPS][2] == (8, 180, 180, 3)
    for side in range(2, 600, 2):
        size = group_size(side, side)
        assert size == 1 or (groups[0][0] <= size <= groups[2][0] and side <= groups[2][2])
    assert groups[1][0] == group_size(128, 128)


def test_profiles_keep_to_the_grid_of_the_model(trt):
    _, smaller, groups = shapes(trt, find_model("fast", 2).path, 6 * 48, 48)
    assert {size for shape in (*smaller, *groups) for size in shape[2:]} == {48, 96, 144, 288}
    assert (
        len(shapes(trt, find_model("fast", 2).path, 768, 256)) == 2
    )  # nothing so large is grouped


def test_a_model_that_takes_one_picture_gets_no_groups(trt, tmp_path):
    model = onnx.load(find_model("fast", 2).path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    path = tmp_path / "single.onnx"
    onnx.save(model, path)
    assert len(shapes(trt, path, 532, 2)) == 2
