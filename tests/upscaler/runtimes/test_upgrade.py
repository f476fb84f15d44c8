"""A run begins at once on what is ready, and moves to what is faster when that has been built."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from upscaler.errors import NotReady, OutputError, RuntimeUnavailable, UsageError
from upscaler.models import find_model
from upscaler.models.probe import probe_image
from upscaler.runtimes import RUNTIMES, BuiltRuntime, RuntimeRequest, choice, open_runtime
from upscaler.runtimes.gate import Gate
from upscaler.runtimes.multi_device import MultiDevice
from upscaler.runtimes.table import RuntimeEntry
from upscaler.runtimes.upgrade import Host, Upgrade, build_command

BUILDS, FAILS = ([sys.executable, "-c", text] for text in ("pass", "exit('out of luck')"))


class Built(BuiltRuntime):
    """The runtime `cpu`, as one that has something to build; how long it takes can be said."""

    name = "built"
    ready = False
    pause = 0.0
    opened_on: list[int]
    calls: dict[int, int]
    reason: str | None = None

    def __init__(self, model, precision, streams, device=0):
        super().__init__(model, precision, streams, device)
        if not self.ready:
            raise NotReady("it has its engine to build first")
        self._real = RUNTIMES["cpu"].load()(model, precision, streams, device)
        self.opened_on.append(device)
        self.calls[device] = 0

    @classmethod
    def precisions(cls):
        return ("fp32",)

    @classmethod
    def make_ready(cls, model, precision, device):
        cls.ready = True

    @classmethod
    def record_failure(cls, model, precision, device, reason):
        cls.reason = reason

    @classmethod
    def recorded_failure(cls, model, precision, device):
        return cls.reason

    def infer(self, batch):
        self.calls[self.device] += 1
        time.sleep(self.pause)
        return self._real.infer(batch)


class Known(RuntimeEntry):
    kind: type

    def load(self):
        return self.kind


@pytest.fixture
def built(monkeypatch):
    class Fresh(Built):
        opened_on = []  # noqa: RUF012
        calls = {}  # noqa: RUF012

    class Found(Known):
        kind = Fresh

    known = {"built": Found("", "", "", "", needs_gpu=True), "cpu": RUNTIMES["cpu"]}
    monkeypatch.setattr(choice, "RUNTIMES", known)
    monkeypatch.setattr("upscaler.runtimes.upgrade.RUNTIMES", known)
    return Fresh


def request(**more):
    return RuntimeRequest(find_model("fast", 2), "fp32", **more)


def test_auto_builds_nothing_and_says_what_would_be_faster(built):
    opened = open_runtime(request())
    assert opened.runtime.name == "cpu"
    assert opened.to_build == {"built": "fp32"}
    assert "to build first" in opened.passed_over["built in fp32"]
    built.ready = True
    assert open_runtime(request()).runtime.name == "built"


def test_a_named_runtime_builds_when_it_opens(built):
    assert open_runtime(request(), "built").runtime.name == "built"


def test_what_is_built_and_does_not_load_is_not_built_for_ever(built, monkeypatch):
    monkeypatch.setattr(built, "make_ready", lambda model, precision, device: None)
    with pytest.raises(RuntimeUnavailable, match="does not load what it has just built"):
        open_runtime(request(), "built")


def test_a_precision_without_a_file_does_not_lose_the_others(built, monkeypatch):
    def open_it(self, model, precision, streams, device=0):
        if precision == "fp16":
            raise RuntimeUnavailable("there is no fast-x2.fp16-u8.onnx")
        raise NotReady("it has its engine to build first")

    monkeypatch.setattr(built, "precisions", lambda: ("fp16", "fp32"))
    monkeypatch.setattr(built, "__init__", open_it)
    model = find_model("fast", 2)
    half_as_good = replace(model, spec=replace(model.spec, precision_loss={"fp16": 0, "fp32": 0}))
    opened = open_runtime(RuntimeRequest(half_as_good))
    assert opened.to_build == {"built": "fp32"}
    assert opened.passed_over["built in fp16"] == "there is no fast-x2.fp16-u8.onnx"


@pytest.mark.parametrize("error", [OutputError("others may write into it"), OSError("no luck")])
def test_auto_steps_over_a_cache_that_cannot_be_used(built, monkeypatch, error):
    def refuse(model, precision, device):
        raise error

    monkeypatch.setattr(built, "recorded_failure", refuse)
    opened = open_runtime(request())
    assert opened.runtime.name == "cpu" and not opened.to_build
    assert str(error) in opened.passed_over["built in fp32"]


def test_what_failed_is_not_built_again_but_by_name(built):
    built.reason = "it is 0.90 times as fast as torch here"
    opened = open_runtime(request())
    assert not opened.to_build
    assert opened.passed_over["built in fp32"] == f"{built.reason}; --runtime built tries again"
    assert open_runtime(request(), "built").runtime.name == "built"


class Run:
    """A run that could move, and what became of it."""

    def __init__(self, opened, command, seconds=20.0, gate=None):
        self.adopted, self.said, self._moved = [], [], threading.Event()
        host = Host(self._adopt, self._tell, gate or Gate(), lambda: (32, 48))
        self.upgrade = Upgrade(request(), opened, host, build=lambda request, name: command)
        with self.upgrade:
            self._moved.wait(seconds)
        assert not self.upgrade._thread.is_alive()

    def _adopt(self, found):
        self.adopted.append(found.runtime.name)
        self._moved.set()

    def _tell(self, text):
        self.said.append(text)
        self._moved.set()


def slowed(opened, monkeypatch, seconds):
    """Let the runtime in use take so much longer."""
    real = opened.runtime.infer
    monkeypatch.setattr(opened.runtime, "infer", lambda b: time.sleep(seconds) or real(b))
    return opened


def test_a_faster_runtime_takes_over_when_it_is_built(built, monkeypatch):
    opened = slowed(open_runtime(request()), monkeypatch, 0.2)
    built.ready = True
    run = Run(opened, BUILDS)
    assert (run.adopted, run.said, built.reason) == (["built"], [], None)


def test_a_slower_one_does_not_and_that_is_remembered(built, monkeypatch):
    monkeypatch.setattr(built, "pause", 0.2)
    opened = open_runtime(request())
    built.ready = True
    run = Run(opened, BUILDS)
    assert run.adopted == []
    assert run.said == [f"did not change to built in fp32: {built.reason}"]
    assert built.reason.endswith("times as fast as cpu here")


def test_neither_does_one_that_was_not_built(built):
    run = Run(open_runtime(request()), FAILS)
    assert run.adopted == [] and built.opened_on == []
    assert run.said == ["did not change to built in fp32: out of luck"]
    assert built.reason == "out of luck"


def test_what_opens_only_for_its_builder_is_said_and_tried_again(built, monkeypatch):
    opened = open_runtime(request())
    built.ready = True
    monkeypatch.setattr(built, "infer", lambda self, batch: 1 / 0)
    run = Run(opened, BUILDS)
    (said,) = run.said
    assert "ZeroDivisionError" in said and run.adopted == [] and built.reason is None


def test_a_builder_that_cannot_be_started_ends_nothing(built):
    (said,) = Run(open_runtime(request()), ["/nonesuch"]).said
    assert "No such file" in said


def through_two_streams(infer, seconds):
    """Let two calls in at a time, as a GPU's streams do; each takes so much longer."""
    free = threading.Semaphore(2)

    def slower(*arguments):
        with free:
            time.sleep(seconds)
            return infer(*arguments)

    return slower


@pytest.mark.parametrize(("new", "moves"), [(0.05, False), (0.02, True)])
def test_under_load_both_are_measured_alone(built, monkeypatch, new, moves):
    """The run keeps the streams of the old one busy, which must not make the new one look fast."""
    opened = open_runtime(request(streams=2))
    monkeypatch.setattr(opened.runtime, "infer", through_two_streams(opened.runtime.infer, 0.04))
    monkeypatch.setattr(built, "infer", through_two_streams(built.infer, new))
    built.ready = True
    gate, over = Gate(), threading.Event()
    batch = probe_image()

    def work():
        while not over.is_set():
            gate.run(lambda: opened.runtime.infer(batch))
            time.sleep(0.002)  # a semaphore would never let anybody else in

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(work)
        try:
            run = Run(opened, BUILDS, gate=gate)
        finally:
            over.set()
    assert bool(run.adopted) is moves, run.said


def test_the_end_of_a_run_ends_the_building(built):
    opened, began = open_runtime(request()), time.monotonic()
    run = Run(opened, [sys.executable, "-c", "import time; time.sleep(60)"], 0.5)
    assert run.adopted == run.said == [] and time.monotonic() - began < 10


def test_a_builder_that_does_not_listen_is_killed(built):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    opened, began = open_runtime(request()), time.monotonic()
    assert Run(opened, [sys.executable, "-c", deaf], 1.0).said == []
    assert time.monotonic() - began < 15


def test_a_builder_ends_when_the_run_is_killed():
    """Its stdin ends then, which is all that is left to tell it."""
    code = """
import time
from upscaler.runtimes import make_ready
make_ready.open_runtime = lambda request, name: (print("building", flush=True), time.sleep(60))
make_ready.main("cpu", "fast", "2", "", "fp32")
"""
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as builder:
        assert builder.stdout.readline() == "building\n"
        builder.stdin.close()
        assert builder.wait(10) == 1


def test_the_builder_fails_cleanly_where_there_is_nothing_to_build_with():
    from upscaler.hardware.gpu import nvidia_driver

    if nvidia_driver() is not None:
        pytest.skip("there is an NVIDIA GPU here")
    command = build_command(request(devices=(0,)), "tensorrt-rtx")
    with subprocess.Popen(command, stdin=-1, stderr=-1, text=True) as builder:
        said = builder.stderr.read()
    assert builder.returncode == 1
    assert said.strip() == (
        "the runtime does not open here: tensorrt-rtx: "
        "there is no NVIDIA GPU here, or no driver for it"
    )


def test_several_devices_share_the_tiles(built, rng, monkeypatch):
    monkeypatch.setattr(choice, "gpus", lambda: ["A", "B"])
    built.ready = True
    opened = open_runtime(request(devices=(0, 1), streams=2)).runtime
    assert isinstance(opened, MultiDevice)
    assert built.opened_on == [0, 1]
    assert (opened.name, opened.streams) == ("built", 4)
    batch = rng.random((1, 3, 16, 16), "float32")
    reference = open_runtime(request(), "cpu").runtime.infer(batch)
    for _ in range(6):
        assert abs(opened.infer(batch) - reference).max() < 1e-6
    assert built.calls == {0: 1 + 3, 1: 1 + 3}  # the probe, and a fair share of the tiles


def test_a_device_that_is_not_there_is_refused(built, monkeypatch):
    monkeypatch.setattr(choice, "gpus", lambda: ["A"])
    with pytest.raises(UsageError, match="no device 3; there are: 0 to 0"):
        open_runtime(request(devices=(0, 3)))


def test_a_device_never_means_the_cpu(command, folder, tmp_path):
    from upscaler.hardware.gpu import gpus

    if gpus():
        pytest.skip("there is an NVIDIA GPU here")
    with pytest.raises(RuntimeUnavailable, match="cpu: it runs on no GPU"):
        open_runtime(request(devices=(0,)), "cpu")
    code, _, errors = command("run", folder, tmp_path / "out", "--device", "0")
    assert code == 3
    assert "no NVIDIA GPU here" in errors and "it runs on no GPU" in errors
    code, _, errors = command("run", folder, tmp_path / "out", "--device", "first")
    assert code == 2
    assert "is not a list of GPUs" in errors
