"""Which runtimes get small tiles in groups, and what comes of it in a run.

What computes here is the runtime `cpu` in a GPU's clothes, or torch on the CPU.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from upscaler import Upscaler
from upscaler.models import find_model
from upscaler.runtimes import RUNTIMES, PixelRuntime, RuntimeRequest, choice, open_runtime
from upscaler.runtimes.batching import Batching, computes_groups
from upscaler.runtimes.pixels import through_floats
from upscaler.runtimes.table import RuntimeEntry


def tiles_of(rng, number, side=64):
    return list(rng.integers(0, 250, (number, 1, side, side, 3), np.uint8))


class OnCpu(PixelRuntime):
    """The runtime `cpu` in a GPU's clothes, as `open_runtime` finds it."""

    name = "on-cpu"
    flaw = None
    calls: list[int]

    def __init__(self, model, precision, streams, device=0):
        super().__init__(model, precision, streams, device)
        self._real = RUNTIMES["cpu"].load()(model, precision, streams, device)

    @classmethod
    def precisions(cls):
        return ("fp32",)

    def infer(self, batch):
        return self._real.infer(batch)

    def infer_pixels(self, pixels):
        self.calls.append(len(pixels))
        made = [through_floats(self.infer, tile[None]) for tile in pixels]
        return type(self).flaw(made) if self.flaw and len(pixels) > 1 else np.concatenate(made)


@pytest.fixture
def on_cpu(monkeypatch):
    class Found(RuntimeEntry):
        def load(self):
            return OnCpu

    monkeypatch.setitem(RUNTIMES, "on-cpu", Found("", "", "", "", needs_nvidia=True))
    monkeypatch.setattr(OnCpu, "calls", [], raising=False)
    monkeypatch.setattr(OnCpu, "flaw", None)
    return OnCpu


def request(**changes):
    return replace(RuntimeRequest(find_model("fast", 2), "fp32"), **changes)


def no_groups(made):
    raise ValueError("Got invalid dimensions for input")


def worse_at_the_end(made):
    made[-1][0, 0, 0, 0] ^= 1
    return np.concatenate(made)


def mixed(made):
    return np.concatenate([tile // 2 + made[0] // 2 for tile in made])


def all_wrong(made):
    return 255 - np.concatenate(made)


@pytest.mark.parametrize("flaw", [no_groups, worse_at_the_end, mixed, all_wrong])
def test_what_computes_groups_wrongly_gets_none(on_cpu, monkeypatch, flaw):
    monkeypatch.setattr(on_cpu, "flaw", staticmethod(flaw))
    opened = open_runtime(request(), "on-cpu").runtime
    assert isinstance(opened, OnCpu)
    assert not computes_groups(opened, 1 / 255)


def test_what_takes_only_floats_gets_none():
    assert not computes_groups(open_runtime(request(), "cpu").runtime, 1 / 255)


@pytest.mark.parametrize("devices", [(), (0, 1)])
def test_a_gpu_that_computes_them_rightly_gets_groups(on_cpu, monkeypatch, devices):
    monkeypatch.setattr(choice, "gpus", lambda: ["A", "B"])
    opened = open_runtime(request(devices=devices, streams=2), "on-cpu").runtime
    assert isinstance(opened, Batching)
    assert (opened.name, opened.precision, opened.proved) == ("on-cpu", "fp32", True)
    assert opened.streams == 2 * max(1, len(devices))


def test_a_folder_of_small_pictures_fills_groups(on_cpu, command, tmp_path, rng):
    """Different pictures of one size go together, and come out as each does by itself."""
    folder = tmp_path / "in"
    folder.mkdir()
    pictures = list(rng.integers(0, 250, (24, 20, 30, 3), np.uint8))
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number:02}.png")
    settings = ["-r", "on-cpu", "-p", "fp32", "-m", "fast", "-s", "2", "--jobs", "1"]
    code, _, err = command("run", folder, tmp_path / "out", *settings, "-q")
    assert code == 0, err
    calls = on_cpu.calls[4:]  # after the probes
    assert set(calls) == {8}
    assert len(calls) < len(pictures)
    alone = Upscaler("fast", scale=2, runtime="on-cpu", precision="fp32")
    for number, picture in enumerate(pictures):
        with Image.open(tmp_path / "out" / f"{number:02}.png") as made:
            assert np.array_equal(np.asarray(made), alone(picture))


def test_torch_computes_the_same_in_groups(rng, monkeypatch):
    """The runtime `torch`, on the CPU and without its graphs."""
    pytest.importorskip("torch", reason="needs the [export] extra")
    from upscaler.runtimes.torch_cuda import TorchCuda

    monkeypatch.setattr(TorchCuda, "kind", "cpu")
    torch_runtime = TorchCuda(find_model("fast", 2), "fp32", 2)
    assert computes_groups(torch_runtime, 1 / 255)
    tiles = tiles_of(rng, 12, side=32)
    made = []
    for threads in (1, 2, 8):
        with ThreadPoolExecutor(threads) as pool:
            made.append(list(pool.map(Batching(torch_runtime).infer_pixels, tiles)))
    assert all(np.array_equal(made[0], other) for other in made[1:])
    for tile, large in zip(tiles, made[0], strict=True):
        single = torch_runtime.infer_pixels(tile).astype(int)
        assert np.abs(single - large).max() <= 1


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["torch", "cuda", "tensorrt", "tensorrt-rtx"])
@pytest.mark.parametrize("side", [24, 64, 128, 180])
def test_on_a_gpu_neither_threads_nor_timing_change_a_byte(rng, installed, name, side):
    installed(name)
    opened = open_runtime(RuntimeRequest(find_model("fast", 2), "fp16", 3), name).runtime
    assert isinstance(opened, Batching)
    tiles = tiles_of(rng, 40, side)
    made = []
    for threads in (1, 2, 8, 24):
        with ThreadPoolExecutor(threads) as pool:
            made.append(list(pool.map(opened.infer_pixels, tiles)))
    assert all(np.array_equal(made[0], other) for other in made[1:])
