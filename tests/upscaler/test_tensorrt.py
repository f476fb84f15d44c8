"""Engines from NVIDIA's own parser and builder, without a GPU: what can be seen of them there."""

import pytest

pytest.importorskip("torch", reason="needs the [export] extra")

from upscaler import tensorrt
from upscaler.engines import EngineCache
from upscaler.errors import OutputError, RuntimeUnavailable
from upscaler.models import find
from upscaler.runtimes import Wish, open_runtime, table
from upscaler.tiling import AUTO_TILE

CALLED = {
    "Runtime": ["deserialize_cuda_engine"],
    "ICudaEngine": [
        "create_execution_context",
        "create_runtime_config",
        "get_tensor_dtype",
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
    "IRuntimeConfig": ["create_runtime_cache", "set_runtime_cache"],
    "IRuntimeCache": ["deserialize", "serialize"],
}


@pytest.fixture
def trt():
    try:
        return tensorrt.load("tensorrt_rtx")
    except RuntimeUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "engines")


@pytest.fixture
def key(trt):
    return tensorrt.engine_key(trt, find("fast", 2), "fp32", device=0)


def test_all_that_the_runtime_calls_exists(trt):
    for kind, names in CALLED.items():
        assert not set(names) - set(dir(getattr(trt, kind)))


def test_an_engine_is_built_once(trt, cache, key, monkeypatch):
    model = find("fast", 2)
    first = tensorrt.cached_engine(trt, model, key, cache)
    assert key.side == AUTO_TILE + 2 * model.spec.halo
    assert len(first.content) > 100_000 and not first.proved
    monkeypatch.setattr(tensorrt, "build", None)
    assert tensorrt.cached_engine(trt, model, key, cache) == first
    tensorrt.mark_proved(cache, key)
    assert tensorrt.cached_engine(trt, model, key, cache).proved


def test_an_engine_that_was_tampered_with_is_built_again(trt, cache, key):
    model = find("fast", 2)
    tensorrt.cached_engine(trt, model, key, cache)
    path = cache.path(key)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    tampered = path.read_bytes()
    again = tensorrt.cached_engine(trt, model, key, cache)
    assert cache.get(key) == again
    assert path.read_bytes() != tampered


def test_what_cannot_be_kept_is_said(trt, cache, key, monkeypatch):
    from upscaler import engines

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engines.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        tensorrt.cached_engine(trt, find("fast", 2), key, cache)
    assert not list(cache.folder.glob("*.engine"))


def test_kernels_are_kept_as_safely_as_the_engine(cache, key):
    assert tensorrt.kept_kernels(cache, key) is None
    tensorrt.keep_kernels(cache, key, b"compiled")
    assert tensorrt.kept_kernels(cache, key) == b"compiled"
    (path,) = cache.folder.glob("*.engine")
    path.write_bytes(path.read_bytes() + b"!")
    assert tensorrt.kept_kernels(cache, key) is None


def test_torch_without_cuda_is_said_in_one_line(trt, monkeypatch):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    monkeypatch.setattr(table, "nvidia_driver", lambda: "CUDA 13.0")
    with pytest.raises(RuntimeUnavailable, match="tensorrt-rtx: the installed torch cannot use"):
        open_runtime(Wish(find("fast", 2), "fp32"), "tensorrt-rtx")


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["tensorrt", "tensorrt-rtx"])
@pytest.mark.parametrize(("precision", "bound"), [("fp32", 1e-3), ("fp16", 4e-3)])
def test_an_engine_computes_what_the_reference_computes(rng, name, precision, bound):
    import numpy as np

    from upscaler import Upscaler

    picture = rng.integers(0, 256, (700, 540, 3), np.uint8)
    try:
        ours = Upscaler("fast", scale=2, runtime=name, precision=precision)(picture)
    except RuntimeUnavailable as error:
        pytest.skip(str(error))
    reference = Upscaler("fast", scale=2, runtime="cpu", precision="fp32")(picture)
    assert np.abs(ours.astype(int) - reference).max() <= 255 * bound + 1
