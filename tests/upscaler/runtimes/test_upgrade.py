"""A run begins at once on what is ready, and moves to what is faster when that has been built."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from upscaler.models import find_model
from upscaler.models.probe import probe_image
from upscaler.runtimes import RuntimeRequest, open_runtime, upgrade
from upscaler.runtimes.gate import Gate
from upscaler.runtimes.upgrade import Host, Upgrade, build_command

BUILDS, FAILS = ([sys.executable, "-c", text] for text in ("pass", "exit('out of luck')"))


def request(**more):
    return RuntimeRequest(find_model("fast", 2), "fp32", **more)


class Run:
    """A run that could change its runtime, and what became of it.

    Args:
        over: returns when the run is over, if it does not change.
    """

    def __init__(self, opened, command, gate=None, over=None):
        self.adopted, self.logged, self._decided = [], [], threading.Event()
        host = Host(self._adopt, self._log, gate or Gate(), lambda: (32, 48))
        with Upgrade(request(), opened, host, build=lambda request, name: command):
            if over is None:
                assert self._decided.wait(120)
            else:
                over()

    def _adopt(self, found):
        self.adopted.append(found.runtime.name)
        self._decided.set()

    def _log(self, text):
        self.logged.append(text)
        self._decided.set()


@pytest.fixture
def speeds(monkeypatch):
    """The pixels a second that are measured of each runtime, which no other program can change."""
    found = {"cpu": 100.0, "built": 100.0}
    monkeypatch.setattr(upgrade, "pixels_per_second", lambda runtime, *_: found[runtime.name])
    return found


def test_a_faster_runtime_takes_over_when_it_is_built(built, speeds):
    opened = open_runtime(request())
    built.ready = True
    speeds["built"] = 110.0
    run = Run(opened, BUILDS)
    assert (run.adopted, run.logged, built.reason) == (["built"], [], None)


@pytest.mark.parametrize(("speed", "gain"), [(50.0, "0.50"), (103.0, "1.03")])
def test_one_that_is_hardly_faster_does_not_and_that_is_remembered(built, speeds, speed, gain):
    opened = open_runtime(request())
    built.ready = True
    speeds["built"] = speed
    run = Run(opened, BUILDS)
    assert run.adopted == []
    assert run.logged == [f"did not change to built in fp32: {built.reason}"]
    assert built.reason == f"it is {gain} times as fast as cpu here"


def test_both_are_measured_on_what_they_really_take(built):
    """The real measurement: whichever is faster here, the run ends with one of the two."""
    opened = open_runtime(request())
    built.ready = True
    run = Run(opened, BUILDS)
    assert (run.adopted == ["built"]) != ("times as fast as cpu here" in str(built.reason))


def test_neither_does_one_that_was_not_built(built):
    run = Run(open_runtime(request()), FAILS)
    assert run.adopted == [] and built.opened_on == []
    assert run.logged == ["did not change to built in fp32: out of luck"]
    assert built.reason == "out of luck"


def test_what_opens_only_for_its_builder_is_said_and_tried_again(built, monkeypatch):
    opened = open_runtime(request())
    built.ready = True
    monkeypatch.setattr(built, "infer", lambda self, batch: 1 / 0)
    run = Run(opened, BUILDS)
    (line,) = run.logged
    assert "ZeroDivisionError" in line and run.adopted == [] and built.reason is None


def test_a_builder_that_cannot_be_started_ends_nothing(built):
    (line,) = Run(open_runtime(request()), ["/nonesuch"]).logged
    assert "No such file" in line


def test_both_are_measured_while_the_run_waits(built, monkeypatch):
    """The run keeps the streams of the old one busy, which must not make the new one look fast."""
    opened = open_runtime(request(streams=2))
    built.ready = True
    gate, over, inside, seen = Gate(), threading.Event(), [], []

    def measure(runtime, *_):
        seen.append((runtime.name, len(inside)))
        return 100.0

    def tile():
        inside.append(1)
        opened.runtime.infer(probe_image())
        inside.pop()

    def work():
        while not over.is_set():
            gate.run(tile)

    monkeypatch.setattr(upgrade, "pixels_per_second", measure)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(work)
        try:
            Run(opened, BUILDS, gate=gate)
        finally:
            over.set()
    first = [name for name, _ in seen].index("cpu") - 1  # before that the new one warms up
    assert len(seen[first:]) >= 2
    assert {busy for _, busy in seen[first:]} == {0}


DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"


@pytest.mark.parametrize("first", ["pass", DEAF], ids=["listens", "does not listen"])
def test_the_end_of_a_run_ends_the_building(built, tmp_path, first):
    note = tmp_path / "builder"
    code = f"{first}; import os, pathlib, time; path = pathlib.Path({str(note)!r}); "
    code += "path.with_suffix('.part').write_text(str(os.getpid())); "
    code += "path.with_suffix('.part').rename(path); time.sleep(600)"

    def begun():
        while not note.exists():
            time.sleep(0.01)

    run = Run(open_runtime(request()), [sys.executable, "-c", code], over=begun)
    assert run.adopted == run.logged == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_a_builder_ends_when_the_run_is_killed():
    """Its stdin ends then, which is all that is left to tell it."""
    code = """
import time
from upscaler.runtimes import make_ready
make_ready.open_runtime = lambda request, name: (print("building", flush=True), time.sleep(600))
make_ready.main("cpu", "fast", "2", "", "fp32")
"""
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as builder:
        assert builder.stdout.readline() == "building\n"
        builder.stdin.close()
        assert builder.wait(120) == 1


def test_the_builder_fails_cleanly_where_there_is_nothing_to_build_with():
    from upscaler.hardware.gpu import nvidia_driver

    if nvidia_driver() is not None:
        pytest.skip("there is an NVIDIA GPU here")
    command = build_command(request(devices=(0,)), "tensorrt-rtx")
    with subprocess.Popen(command, stdin=-1, stderr=-1, text=True) as builder:
        errors = builder.stderr.read()
    assert builder.returncode == 1
    assert errors.strip() == (
        "the runtime does not open here: tensorrt-rtx: there is no GPU here, or no driver for it"
    )
