"""Engines from NVIDIA's own parser and builder, without a GPU: what can be seen of them there."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="needs the [export] extra")
onnx = pytest.importorskip("onnx")

from upscaler.errors import NotReady, OutputError, ProofError, RuntimeUnavailable
from upscaler.hardware.gpu import gpus
from upscaler.models import find_model
from upscaler.models.grid import AUTO_TILE
from upscaler.runtimes import RuntimeRequest, open_runtime, table
from upscaler.runtimes.groups import group_size
from upscaler.runtimes.tensorrt import build
from upscaler.runtimes.tensorrt.cache import EngineCache

CALLED = {
    "Runtime": ["deserialize_cuda_engine"],
    "ICudaEngine": [
        "create_execution_context",
        "create_runtime_config",
        "get_tensor_dtype",
        "get_tensor_mode",
        "get_tensor_name",
        "get_tensor_profile_shape",
        "num_io_tensors",
    ],
    "IExecutionContext": [
        "execute_async_v3",
        "get_tensor_shape",
        "set_input_shape",
        "set_optimization_profile_async",
        "set_tensor_address",
    ],
    "IRuntimeConfig": [
        "create_runtime_cache",
        "dynamic_shapes_kernel_specialization_strategy",
        "set_runtime_cache",
    ],
    "IRuntimeCache": ["deserialize", "serialize"],
}


@pytest.fixture
def trt():
    try:
        return build.load("tensorrt_rtx")
    except RuntimeUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "engines")


@pytest.fixture
def key(trt):
    return build.engine_key(trt, find_model("fast", 2), "fp32", device=0)


def test_all_that_the_runtime_calls_exists(trt):
    for kind, names in CALLED.items():
        assert not set(names) - set(dir(getattr(trt, kind)))
    assert trt.DynamicShapesKernelSpecializationStrategy.EAGER
    assert trt.TensorIOMode.INPUT


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
    from upscaler.runtimes.tensorrt import cache as engine_cache

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine_cache.os, "fsync", full)
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


class Drawn:
    """An engine, its context and the library: notes which profile is taken."""

    TensorIOMode = SimpleNamespace(INPUT="in", OUTPUT="out")
    num_io_tensors = 2

    def __init__(self):
        self.chosen = []

    def get_tensor_name(self, number):
        return ("image", "upscaled")[number]

    def get_tensor_mode(self, name):
        return {"image": "in", "upscaled": "out"}[name]

    def get_tensor_dtype(self, name):
        return "DataType.UINT8"

    def get_tensor_profile_shape(self, name, profile):
        assert profile == build.TILES
        return [(1, 532, 532, 3)] * 3

    def get_tensor_shape(self, name):
        return (1, 2, 2, 3)

    def create_execution_context(self):
        return self

    def set_optimization_profile_async(self, profile, stream):
        self.chosen.append(profile)
        return True

    def set_input_shape(self, name, shape):
        return True

    def set_tensor_address(self, name, address):
        return True


def test_a_tile_is_computed_in_the_profile_that_takes_it(monkeypatch):
    import torch

    from upscaler.runtimes.tensorrt.runtime import TensorRT

    stream = SimpleNamespace(cuda_stream=0)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    runtime = TensorRT.__new__(TensorRT)
    runtime._engine = runtime._trt = drawn = Drawn()
    runtime._config = None
    for shape in ((1, 532, 532, 3), (1, 64, 64, 3), (8, 64, 64, 3), (2, 180, 180, 3)):
        runtime._prepare(torch.empty(shape, dtype=torch.uint8))
    expected = ["TILES", "SMALLER", "GROUPS", "GROUPS"]
    assert drawn.chosen == [getattr(build, name) for name in expected]


@pytest.fixture
def for_rtx(trt, cache, monkeypatch):
    """The runtime, up to where it needs a GPU."""
    from upscaler.runtimes.tensorrt import runtime as tensorrt_runtime

    monkeypatch.setattr(tensorrt_runtime, "EngineCache", lambda: cache)
    monkeypatch.setattr(tensorrt_runtime.torch.cuda, "device", lambda number: nullcontext())
    return tensorrt_runtime.TensorRTForRTX


def test_an_engine_that_is_not_there_is_not_built_by_opening(for_rtx):
    with pytest.raises(NotReady, match="to build first"):
        for_rtx(find_model("fast", 2), "fp32", 1)


@pytest.mark.skipif(gpus() != [], reason="there is a GPU here")
def test_an_engine_that_does_not_load_is_forgotten(for_rtx, cache, key):
    for_rtx.make_ready(find_model("fast", 2), "fp32", 0)
    assert cache.path(key).is_file()
    with pytest.raises(NotReady, match="has to be built again"):
        for_rtx(find_model("fast", 2), "fp32", 1)
    assert not cache.path(key).exists()


def test_a_failed_building_is_remembered_by_model_and_precision(for_rtx):
    model = find_model("fast", 2)
    for_rtx.record_failure(model, "fp32", 0, "no luck")
    assert for_rtx.recorded_failure(model, "fp32", 0) == "no luck"
    assert for_rtx.recorded_failure(find_model("fast", 4), "fp32", 0) is None


def test_kernels_are_written_only_if_there_are_more(cache, key):
    from upscaler.runtimes.tensorrt.runtime import _Kernels

    class Compiled:
        content = b"one"

        def serialize(self):
            return self.content

    compiled = Compiled()
    kernels = _Kernels(compiled, key, cache)
    kernels.keep()
    assert build.kept_kernels(cache, key) == b"one"
    (path,) = cache.folder.glob("*.engine")
    path.unlink()
    kernels.keep()
    assert not path.exists()
    compiled.content = b"one and another"
    kernels.keep()
    assert build.kept_kernels(cache, key) == b"one and another"


def test_torch_without_cuda_is_said_in_one_line(trt, monkeypatch):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    monkeypatch.setattr(table, "nvidia_driver", lambda: "CUDA 13.0")
    with pytest.raises(RuntimeUnavailable, match="tensorrt-rtx: the installed torch cannot use"):
        open_runtime(RuntimeRequest(find_model("fast", 2), "fp32"), "tensorrt-rtx")


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["tensorrt", "tensorrt-rtx"])
@pytest.mark.parametrize(("precision", "bound"), [("fp32", 1e-3), ("fp16", 4e-3)])
def test_an_engine_computes_what_the_reference_computes(rng, installed, name, precision, bound):
    import numpy as np

    from upscaler import Upscaler

    installed(name)
    picture = rng.integers(0, 256, (700, 540, 3), np.uint8)
    ours = Upscaler("fast", scale=2, runtime=name, precision=precision)(picture)
    reference = Upscaler("fast", scale=2, runtime="cpu", precision="fp32")(picture)
    assert np.abs(ours.astype(int) - reference).max() <= 255 * bound + 1
