"""NVIDIA's library, where it is there, and a cache of its own for each test."""

import pytest

from upscaler.errors import RuntimeUnavailable
from upscaler.models import find_model
from upscaler.runtimes.tensorrt import build
from upscaler.runtimes.tensorrt.cache import EngineCache


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
