"""A file of weights on the command line: `run -m`, `export`, and what is refused."""

import os
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [pth] extra")

from upscaler.models import conversion, find_model
from upscaler_export.foreign.networks import recognise


@pytest.fixture
def picture(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "in.png")
    return tmp_path / "in.png"


def written(tmp_path):
    known = {"in.png", "cache", "mine.pth", "made"}
    return {path.name for path in tmp_path.iterdir()} - known


def test_run_makes_what_torch_makes_and_says_what_it_found(
    command, weights, zoo, picture, photo, tmp_path, caplog
):
    path = weights()
    code, _, err = command("run", picture, tmp_path / "out.png", "-m", path, "-p", "fp32")
    assert code == 0, err
    assert "model mine, on the processor" in err
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "converting mine.pth" in said and "RealESRGAN Compact, 4 times as large" in said
    assert "sees 4 pixels far (exact)" in said and "s a megapixel here" in said
    with torch.inference_mode():
        image = torch.from_numpy(photo).permute(2, 0, 1)[None] / 255
        large = recognise(zoo.weights("Compact")).module(image)[0]
    expected = (large.clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    ours = np.asarray(Image.open(tmp_path / "out.png"))
    assert np.abs(ours - expected).max() <= 1
    caplog.clear()
    code, _, _ = command("run", picture, tmp_path / "two.png", "-m", path, "-q")
    assert code == 0 and not caplog.records


def test_export_writes_a_model_that_needs_no_torch(command, weights, tmp_path):
    out = tmp_path / "models"
    code, text, err = command("export", weights(), "-o", out, "--fp16")
    assert code == 0, err
    assert "differs from torch by" in text and "fp16: loses" in text
    names = {f"mine-x4{more}.onnx" for more in ("", ".fp16", ".fp16-u8")}
    assert {path.name for path in out.iterdir()} == names
    model = find_model(str(out / "mine-x4.onnx"), 4)
    assert model.spec.precision_loss.keys() == {"fp32", "fp16", "bf16"}
    assert model.source("fp16") == out / "mine-x4.fp16-u8.onnx"
    converted = find_model(str(tmp_path / "mine.pth"), 4)
    exported = onnx.load(out / "mine-x4.fp16-u8.onnx").graph
    assert converted.load("fp16").graph.node == exported.node


@pytest.mark.slow
def test_an_engine_is_built_without_a_gpu_and_marked_so(command, weights, tmp_path):
    pytest.importorskip("tensorrt_rtx", reason="needs the [tensorrt-rtx] extra")
    out = tmp_path / "models"
    code, text, err = command("export", weights("Compact"), "-o", out, "--tensorrt")
    assert code == 0, err
    assert "unproved: no GPU has run it" in text
    assert list(out.glob("mine-x4.fp16.tensorrt*.engine"))


def test_export_refuses_what_only_our_networks_have(command, weights, tmp_path):
    code, _, err = command("export", weights(), "-o", tmp_path / "out", "--note", "hello")
    assert code == 2 and "--note" in err
    assert not written(tmp_path)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("verb", ["run", "export"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda made: {"w": torch.ones(3), "x": Evil(made)}, "would run posix.mkdir"),
        (lambda made: {"conv0.weight": torch.ones(3)}, "(conv0.weight, ...)"),
    ],
    ids=["evil", "discriminator"],
)
def test_what_is_refused_takes_one_line_and_writes_nothing(
    command, library, picture, tmp_path, verb, content, said
):
    path, made = tmp_path / "mine.pth", tmp_path / "made"
    torch.save(content(made), path)
    if verb == "run":
        code, out, err = command("run", picture, tmp_path / "out.png", "-m", path)
    else:
        code, out, err = command("export", path, "-o", tmp_path / "out")
    assert code == 3 and out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("Error")]
    assert said in line and str(path) in line
    assert not made.exists() and not written(tmp_path)
    assert not list((tmp_path / "cache").rglob("*.onnx"))


def test_a_network_that_ends_its_process_ends_no_run(command, weights, tmp_path, monkeypatch):
    died = [sys.executable, "-c", "import os; os.abort()"]
    monkeypatch.setattr(conversion, "CONVERT", died)
    code, _, err = command("export", weights(), "-o", tmp_path / "out")
    assert code == 3 and "its process ended by SIGABRT" in err and not written(tmp_path)
