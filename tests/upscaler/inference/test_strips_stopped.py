"""A picture in strips that hangs, waits or is interrupted stops as others do."""

import threading
import time

import pytest
from PIL import Image

from upscaler.batch.plan.jobs import Job
from upscaler.batch.run import memory
from upscaler.batch.run.pipeline import Pipeline
from upscaler.images import FORMATS, Encoding, Rows
from upscaler.supervisor.line import Witness
from upscaler.upscaler import Upscaler


@pytest.fixture(scope="module")
def upscaler():
    return Upscaler("fast", scale=2, runtime="cpu", streams=2, tile=64)


def test_waiting_for_its_turn_is_not_its_time(upscaler, two_jobs, monkeypatch):
    """Tiles of others before its own."""
    real, runtime = upscaler.choice.runtime.infer, upscaler.choice.runtime
    busy = threading.Event()

    def infer(batch):
        if batch.shape[3] == 8 and not busy.is_set():
            busy.set()
            time.sleep(2.5)
        return real(batch)

    monkeypatch.setattr(runtime, "infer", infer)
    monkeypatch.setattr(upscaler, "streams", 1)
    others = Pipeline(upscaler, memory=10**9, encoding=Encoding(), timeout=2)
    with others:
        others._readers._width = 2
        outcomes = {outcome.job.name: outcome.error for outcome in others.run(two_jobs[::-1])}
    assert outcomes["a.png"] is None
    assert "took longer" in outcomes["b.png"]


@pytest.fixture
def hanging(monkeypatch, upscaler):
    """Let a stage of a picture in strips wait until the test ends; 8 pixels wide ones go on."""
    release, reached = threading.Event(), threading.Event()

    def hang(owner, name, is_meant):
        real = getattr(owner, name)

        def call(*arguments):
            if is_meant(*arguments):
                reached.set()
                release.wait()
            return real(*arguments)

        monkeypatch.setattr(owner, name, call)

    def hanging(stage):
        if stage == "read":
            hang(Rows, "read", lambda rows, count: rows.width > 8 and rows.position > 0)
        else:
            hang(upscaler.choice.runtime, "infer", lambda batch: batch.shape[3] > 8)
        return reached

    hanging.release = release.set
    yield hanging
    release.set()


@pytest.fixture
def two_jobs(tmp_path, tall, monkeypatch):
    monkeypatch.setattr(memory, "WHOLE_UP_TO", 0)
    jobs = []
    for name, pixels in (("a.png", tall), ("b.png", tall[:, :8])):
        Image.fromarray(pixels).save(tmp_path / name)
        jobs.append(Job(tmp_path / name, tmp_path / "out" / name, name, FORMATS["png"]))
    return jobs


class Patient(Witness):
    """Lets what hangs go on when its file is late."""

    def __init__(self, hanging):
        self.release = hanging.release

    def late(self, name, reason):
        self.release()


@pytest.mark.usefixtures("watchdog")
@pytest.mark.parametrize("stage", ["read", "infer"])
def test_a_picture_in_strips_that_takes_too_long_fails(upscaler, two_jobs, hanging, stage):
    hanging(stage)
    witness = Patient(hanging)
    line = Pipeline(upscaler, memory=10**9, encoding=Encoding(), timeout=1, witness=witness)
    with line:
        outcomes = {outcome.job.name: outcome for outcome in line.run(two_jobs)}
    assert "took longer than --timeout 1 s" in outcomes["a.png"].error
    assert outcomes["b.png"].error is None
    assert [path.name for path in two_jobs[0].target.parent.iterdir()] == ["b.png"]


@pytest.mark.usefixtures("watchdog")
def test_an_interrupt_ends_a_picture_in_strips(upscaler, two_jobs, hanging):
    reached = hanging("infer")
    line = Pipeline(upscaler, memory=10**9, encoding=Encoding())
    with pytest.raises(KeyboardInterrupt), line:
        for _ in line.run(two_jobs[::-1]):
            reached.wait()
            began = time.monotonic()
            raise KeyboardInterrupt
    assert time.monotonic() - began < 8
    assert [path.name for path in two_jobs[0].target.parent.iterdir()] == ["b.png"]
    known, outcome = line.leftovers()
    assert known.job is two_jobs[1]
    assert outcome.error == "was interrupted" and not outcome.lasting
