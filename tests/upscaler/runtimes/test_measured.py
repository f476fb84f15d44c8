"""A runtime on a GPU of any maker: `auto` takes it where it was measured to be faster, once."""

import sys
import threading
from dataclasses import replace

import pytest

from upscaler.errors import HardwareMissing, RuntimeUnavailable
from upscaler.hardware import folders
from upscaler.hardware.adapters import Adapter
from upscaler.models import find_model
from upscaler.runtimes import RUNTIMES, RuntimeRequest, choice, measured, open_runtime, upgrade
from upscaler.runtimes import table as table_module
from upscaler.runtimes.gate import Gate
from upscaler.runtimes.measured import MeasuredRuntime
from upscaler.runtimes.table import RuntimeEntry
from upscaler.runtimes.upgrade import Host, Upgrade

CARD = Adapter("A card", "7", software=False)


@pytest.fixture
def found(monkeypatch, tmp_path):
    """The GPU that is there, and the cache; a runtime `any-gpu` that computes as the CPU does."""
    there = [CARD]

    class AnyGpu(MeasuredRuntime):
        name, package = "any-gpu", "numpy"

        def __init__(self, model, precision, streams, device=0):
            super().__init__(model, precision, streams, device)
            self._real = RUNTIMES["cpu"].load()(model, precision, streams, device)

        @classmethod
        def precisions(cls):
            return ("fp32",)

        def infer(self, batch):
            return self._real.infer(batch)

    class Entry(RuntimeEntry):
        def load(self):
            return AnyGpu

    known = {"any-gpu": Entry("numpy", "", "", "", needs_gpu=True), "cpu": RUNTIMES["cpu"]}
    monkeypatch.setattr(choice, "RUNTIMES", known)
    monkeypatch.setattr(upgrade, "RUNTIMES", known)
    monkeypatch.setattr(measured, "adapters", lambda: tuple(there))
    monkeypatch.setattr(table_module, "gpu_in_sight", lambda: bool(there))
    monkeypatch.setattr(measured, "gpu_in_sight", lambda: bool(there))
    monkeypatch.setattr(folders.platformdirs, "user_cache_dir", lambda name: tmp_path / name)
    return there


def request(**more):
    return replace(RuntimeRequest(find_model("fast", 2), "fp32"), **more)


def run(monkeypatch, speed):
    """Begin a run by `auto` and measure; returns what it moved to, and what it said."""
    speeds = {"cpu": 100.0, "any-gpu": speed}
    monkeypatch.setattr(upgrade, "pixels_per_second", lambda runtime, *_: speeds[runtime.name])
    adopted, logged, decided = [], [], threading.Event()

    def note(to, what):
        to.append(what)
        decided.set()

    host = Host(
        lambda choice: note(adopted, choice.runtime.name),
        lambda text: note(logged, text),
        Gate(),
        lambda: (32, 48),
    )
    opens = [sys.executable, "-c", "pass"]
    opened = open_runtime(request())
    with Upgrade(request(), opened, host, build=lambda *_: opens):
        assert not opened.to_build or decided.wait(60)
    return opened.runtime.name, adopted, logged


def test_auto_does_not_take_it_because_it_opens(found):
    opened = open_runtime(request())
    assert (opened.runtime.name, opened.to_build) == ("cpu", {"any-gpu": "fp32"})
    assert opened.passed_over == {"any-gpu in fp32": "it has yet to be measured beside the CPU"}
    assert open_runtime(request(), "any-gpu").runtime.name == "any-gpu"


def test_one_that_is_faster_takes_over_and_opens_the_next_run(found, monkeypatch):
    assert run(monkeypatch, 110.0) == ("cpu", ["any-gpu"], [])
    assert run(monkeypatch, 1.0) == ("any-gpu", [], [])  # measured once


def test_one_that_is_slower_is_said_in_a_line_and_not_measured_again(found, monkeypatch):
    slower = "it is 0.50 times as fast as cpu here"
    assert run(monkeypatch, 50.0) == ("cpu", [], [f"did not change to any-gpu in fp32: {slower}"])
    opened = open_runtime(request())
    assert (opened.runtime.name, opened.to_build) == ("cpu", {})
    assert opened.passed_over == {"any-gpu in fp32": f"{slower}; --runtime any-gpu tries again"}


def test_one_that_somebody_names_is_measured_again(found, monkeypatch):
    run(monkeypatch, 50.0)
    open_runtime(request(), "any-gpu")
    assert run(monkeypatch, 110.0) == ("cpu", ["any-gpu"], [])
    open_runtime(request(), "any-gpu")
    assert open_runtime(request()).runtime.name == "any-gpu"  # faster is faster


@pytest.mark.parametrize("changed", ["model", "driver", "card", "processor", "version"])
def test_what_changes_is_measured_again(found, monkeypatch, changed):
    run(monkeypatch, 110.0)
    asked = request()
    match changed:
        case "model":
            asked = request(model=find_model("fast", 4))
        case "driver":
            found[:] = [replace(CARD, driver="8")]
        case "card":
            found[:] = [replace(CARD, name="Another card")]
        case "processor":
            monkeypatch.setattr(measured, "processor", lambda: "Another processor")
        case "version":
            monkeypatch.setattr(measured, "version", lambda package: "99")
    assert open_runtime(asked).to_build == {"any-gpu": "fp32"}


def test_a_program_is_no_gpu_until_somebody_names_it(found):
    found[:] = [Adapter("SwiftShader", "5", software=True)]
    opened = open_runtime(request())
    assert (opened.runtime.name, opened.to_build) == ("cpu", {})
    assert opened.passed_over == {"any-gpu": "there is no GPU here, only SwiftShader, a program"}
    with pytest.raises(HardwareMissing, match="only SwiftShader"):
        choice.precisions_of("any-gpu")
    assert open_runtime(request(), "any-gpu").runtime.name == "any-gpu"


def test_without_a_gpu_nothing_is_loaded_for_one(found, monkeypatch):
    found.clear()
    monkeypatch.setattr(choice.RUNTIMES["any-gpu"].__class__, "load", lambda self: 1 / 0)
    opened = open_runtime(request())
    assert opened.passed_over == {"any-gpu": "there is no GPU here, or no driver for it"}


def test_a_gpu_whose_driver_is_missing_is_told_from_no_gpu(found, monkeypatch):
    monkeypatch.setattr(measured, "adapters", tuple)
    with pytest.raises(RuntimeUnavailable, match="Vulkan finds no GPU") as raised:
        choice.RUNTIMES["any-gpu"].load().adapter()
    assert not isinstance(raised.value, HardwareMissing)  # so that doctor says what to install


def test_a_cache_that_cannot_be_written_ends_nothing(found, monkeypatch, tmp_path):
    (tmp_path / "upscaler").write_text("in the way")
    assert run(monkeypatch, 110.0) == ("cpu", ["any-gpu"], [])
    assert open_runtime(request()).to_build == {"any-gpu": "fp32"}
