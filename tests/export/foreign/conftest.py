"""Networks of other people, small and with random weights."""

import importlib
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


def imported(name):
    """Import a module of the benchmarks; those beside it are found by it."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="session")
def zoo(library):
    """The small networks of the table of architectures."""
    return imported("zoo")


@pytest.fixture(scope="session")
def published(library):
    """The best-known models, whose weights come with packages for ncnn."""
    return imported("published")


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
