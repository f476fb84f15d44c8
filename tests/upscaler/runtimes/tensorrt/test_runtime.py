"""The runtimes on TensorRT, as far as they go without a GPU."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="needs the [export] extra")

from upscaler.errors import NotReady, RuntimeUnavailable
from upscaler.hardware.gpu import gpus
from upscaler.models import find_model
from upscaler.runtimes import RuntimeRequest, open_runtime, table
from upscaler.runtimes.tensorrt import build

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


def test_all_that_the_runtime_calls_exists(trt):
    for kind, names in CALLED.items():
        assert not set(names) - set(dir(getattr(trt, kind)))
    assert trt.DynamicShapesKernelSpecializationStrategy.EAGER
    assert trt.TensorIOMode.INPUT


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
