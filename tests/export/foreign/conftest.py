"""Networks of other people, small and with random weights."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks" / "foreign"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def library():
    """The library spandrel, which cannot be imported without torchvision but by us."""
    if importlib.util.find_spec("spandrel") is None:
        pytest.skip("needs the [pth] extra")
    from upscaler_export.foreign.networks import spandrel

    return spandrel()


@pytest.fixture(scope="session")
def zoo(library):
    """The small networks of the table of architectures."""
    spec = importlib.util.spec_from_file_location("zoo", BENCHMARKS / "zoo.py")
    module = sys.modules["zoo"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def network(zoo):
    """Return a small network of an architecture, ready for inference."""
    from upscaler_export.foreign.networks import recognise

    return lambda name: recognise(zoo.weights(name))


@pytest.fixture
def weights(zoo, tmp_path):
    """Write a file of weights of an architecture; its output is near a nearest enlargement."""
    import torch

    def write(name="Compact", suffix=".pth", *, wrap="params_ema"):
        path = tmp_path / f"mine{suffix}"
        torch.save({wrap: zoo.weights(name)}, path)
        return path

    return write
