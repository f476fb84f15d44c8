"""TensorRT builds every packaged model; without it, one line says what is missing."""

import shutil
import sys

import pytest

torch = pytest.importorskip("torch", reason="needs the [export] extra")
onnx = pytest.importorskip("onnx", reason="needs the [export] extra")

from upscaler.errors import ProofError, RuntimeUnavailable
from upscaler.models import packaged_models
from upscaler.runtimes.tensorrt import build
from upscaler.runtimes.tensorrt.cache import EngineCache
from upscaler_export import engine
from upscaler_export.checkpoint import read_source
from upscaler_export.graph import to_onnx

MODELS = [model.spec.title for model in packaged_models()]


@pytest.fixture
def trt():
    try:
        return build.load_library()
    except RuntimeUnavailable as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.parametrize("title", MODELS)
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_every_packaged_model_builds(trt, title, precision, tmp_path):
    network, _ = read_source(title)
    path, broken = tmp_path / "model.onnx", tmp_path / "broken.onnx"
    onnx.save(to_onnx(network, half=precision == "fp16", pixels=True), path)
    broken.write_bytes(b"no model")
    built = build.build(trt, path, precision=precision, side=532, alignment=2)
    assert len(built) > 100_000
    other = {"fp32": "fp16", "fp16": "fp32"}[precision]
    with pytest.raises(ProofError, match="would compute its convolutions in"):
        build.build(trt, path, precision=other, side=532, alignment=2)
    with pytest.raises(RuntimeUnavailable, match="does not read the model"):
        build.build(trt, broken, precision=precision, side=532, alignment=2)


@pytest.mark.slow
@pytest.mark.ci
def test_the_engine_is_cached_and_marked_unproved(trt, command, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, out, _ = command("export", "fast-x2", "--tensorrt", "-o", tmp_path / "out")
    assert code == 0
    assert "unproved: no GPU has run it" in out
    (copied,) = (tmp_path / "out").glob("fast-x2.fp16.tensorrt*.engine")
    (cached,) = EngineCache().folder.glob("*.engine")
    assert b'"proved": false' in cached.read_bytes().partition(b"\n")[0]
    assert cached.read_bytes().endswith(copied.read_bytes())


def test_without_tensorrt_the_models_are_there_and_one_line_says_why(
    command, tmp_path, monkeypatch
):
    for name in build.MODULES:
        monkeypatch.setitem(sys.modules, name, None)
    code, _, err = command("export", "fast-x2", "--tensorrt", "-o", tmp_path)
    assert code == 3
    assert err.strip().splitlines()[-1].startswith("Error: TensorRT is not installed; pip install")
    assert (tmp_path / "fast-x2.fp16-u8.onnx").is_file()
    assert not list(tmp_path.glob("*.engine"))


class Library:
    """NVIDIA's own, as far as a machine without a GPU gets to know it."""

    __name__, __version__ = "tensorrt", "11.4"


def test_without_a_gpu_the_models_are_there_and_one_line_says_so(command, tmp_path, monkeypatch):
    monkeypatch.setattr(engine.build, "load_library", Library)
    monkeypatch.setattr(engine, "gpus", list)
    code, _, err = command("export", "fast-x2", "--tensorrt", "-o", tmp_path)
    assert code == 3
    (line,) = [line for line in err.splitlines() if line.startswith("Error")]
    assert "tensorrt builds an engine only where there is an NVIDIA GPU" in line
    assert (tmp_path / "fast-x2.fp16-u8.onnx").is_file()
    assert not list(tmp_path.glob("*.engine"))


def test_a_disk_that_is_full_leaves_no_half_an_engine(tmp_path, monkeypatch):
    from pathlib import Path

    from upscaler.errors import OutputError
    from upscaler.models import find_model
    from upscaler.runtimes.tensorrt.cache import Engine

    def fill(path, content):
        path.open("wb").write(content[:5])
        raise OSError(28, "No space left on device")

    made = Engine(b"an engine", proved=False)
    shutil.copy(find_model("fast", 2).path, tmp_path / "fast-x2.onnx")
    monkeypatch.setattr(engine, "EngineCache", lambda: None)
    monkeypatch.setattr(engine.build, "load_library", Library)
    monkeypatch.setattr(engine, "gpus", lambda: ["one"])
    monkeypatch.setattr(engine.build, "cached_engine", lambda *_, **__: made)
    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(OutputError, match="No space left on device"):
        engine.build_engine(tmp_path / "fast-x2.onnx", "fp32")
    assert [path.name for path in tmp_path.iterdir()] == ["fast-x2.onnx"]
