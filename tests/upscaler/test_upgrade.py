"""A run begins at once on what is ready, and moves to what is faster when that has been built."""

import sys
import threading
import time

import pytest

from upscaler.errors import RuntimeUnavailable, UsageError
from upscaler.models import find
from upscaler.runtimes import RUNTIMES, Wish, choice, open_runtime
from upscaler.runtimes.several import Several
from upscaler.runtimes.table import Entry
from upscaler.upgrade import Upgrade, build_command

REAL = {"name": "cpu", "precision": "fp32"}


class Built:
    """The runtime `cpu`, as one that has something to build, and is slower or faster."""

    ready = False
    pause = 0.0
    opened_on: list[int] = []  # noqa: RUF012

    def __init__(self, model, precision, streams, device=0):
        self._real = RUNTIMES["cpu"].load()(model, precision, streams, device)
        self.model, self.precision, self.streams = model, precision, streams
        self.name, self.takes_floats, self.largest_side = "built", True, None
        self.device = device
        type(self).opened_on.append(device)

    @classmethod
    def precisions(cls):
        return ("fp32",)

    @classmethod
    def is_ready(cls, model, precision, device):
        return cls.ready

    def confirm(self):
        self.proved = True

    def infer(self, batch):
        time.sleep(self.pause)
        return self._real.infer(batch)


@pytest.fixture
def built(monkeypatch):
    class Fresh(Built):
        opened_on = []  # noqa: RUF012

    class Known(Entry):
        def load(self):
            return Fresh

    rest = {"cpu": RUNTIMES["cpu"]}
    known = Known("", "", "", "", needs_gpu=True)
    monkeypatch.setattr(choice, "RUNTIMES", {"built": known, **rest})
    return Fresh


def wish(**more):
    return Wish(find("fast", 2), "fp32", **more)


def test_auto_builds_nothing_and_says_what_would_be_faster(built):
    opened = open_runtime(wish())
    assert opened.runtime.name == "cpu"
    assert opened.to_build == ("built",)
    assert "to build first" in opened.passed_over["built"]
    built.ready = True
    assert open_runtime(wish()).runtime.name == "built"


def test_a_named_runtime_builds_when_it_opens(built):
    assert open_runtime(wish(), "built").runtime.name == "built"


def run(upgrade_wish, opened, command, seconds=20.0):
    adopted, moved = [], threading.Event()

    def adopt(found):
        adopted.append(found)
        moved.set()

    with Upgrade(upgrade_wish, opened, adopt, build=lambda wish, name: command) as upgrade:
        moved.wait(seconds)
    assert not upgrade._thread.is_alive()
    return adopted


def test_a_faster_runtime_takes_over_when_it_is_built(built, monkeypatch):
    opened = open_runtime(wish())
    slow = opened.runtime.infer
    monkeypatch.setattr(opened.runtime, "infer", lambda batch: time.sleep(0.2) or slow(batch))
    (found,) = run(wish(), opened, [sys.executable, "-c", "pass"])
    assert found.runtime.name == "built"


def test_a_slower_one_does_not(built, monkeypatch):
    monkeypatch.setattr(built, "pause", 0.2)
    assert run(wish(), open_runtime(wish()), [sys.executable, "-c", "pass"], 3.0) == []


def test_neither_does_one_that_was_not_built(built):
    opened = open_runtime(wish())
    assert run(wish(), opened, [sys.executable, "-c", "raise SystemExit(1)"], 2.0) == []
    assert built.opened_on == []


def test_the_end_of_a_run_ends_the_building(built):
    opened, began = open_runtime(wish()), time.monotonic()
    adopted = run(wish(), opened, [sys.executable, "-c", "import time; time.sleep(60)"], 0.5)
    assert adopted == [] and time.monotonic() - began < 10


def test_the_builder_fails_cleanly_where_there_is_nothing_to_build_with():
    import subprocess

    from upscaler.gpu import nvidia_driver

    if nvidia_driver() is not None:
        pytest.skip("there is an NVIDIA GPU here")
    command = build_command(wish(devices=(0,)), "tensorrt-rtx")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "the runtime does not open here: tensorrt-rtx: "
        "there is no NVIDIA GPU here, or no driver for it"
    )


def test_several_devices_share_the_tiles(built, rng, monkeypatch):
    monkeypatch.setattr(choice, "gpus", lambda: ["A", "B"])
    built.ready = True
    opened = open_runtime(wish(devices=(0, 1), streams=2)).runtime
    assert isinstance(opened, Several)
    assert built.opened_on == [0, 1]
    assert (opened.name, opened.streams) == ("built", 4)
    batch = rng.random((1, 3, 16, 16), "float32")
    reference = open_runtime(wish(), "cpu").runtime.infer(batch)
    for _ in range(5):
        assert abs(opened.infer(batch) - reference).max() < 1e-6


def test_a_device_that_is_not_there_is_refused(built, monkeypatch):
    monkeypatch.setattr(choice, "gpus", lambda: ["A"])
    with pytest.raises(UsageError, match="no device 3; there are: 0 to 0"):
        open_runtime(wish(devices=(0, 3)))


def test_a_device_never_means_the_cpu(command, folder, tmp_path):
    from upscaler.gpu import gpus

    if gpus():
        pytest.skip("there is an NVIDIA GPU here")
    with pytest.raises(RuntimeUnavailable, match="cpu: it runs on no GPU"):
        open_runtime(wish(devices=(0,)), "cpu")
    code, _, errors = command("run", folder, tmp_path / "out", "--device", "0")
    assert code == 3
    assert "no NVIDIA GPU here" in errors and "it runs on no GPU" in errors
    code, _, errors = command("run", folder, tmp_path / "out", "--device", "first")
    assert code == 2
    assert "is not a list of GPUs" in errors
