"""Whatever goes wrong in one stage, the run goes on and ends: each test under a watchdog."""

import copy
import os
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.plan.jobs import Job
from upscaler.batch.run import pipeline as pipeline_module
from upscaler.batch.run.pipeline import Pipeline
from upscaler.errors import RuntimeUnavailable
from upscaler.images import FORMATS, Encoding, write
from upscaler.upscaler import Upscaler

pytestmark = pytest.mark.usefixtures("watchdog")


@pytest.fixture(scope="module")
def upscaler():
    return Upscaler("fast", scale=2, runtime="cpu", precision="fp32", streams=2)


@pytest.fixture
def jobs(tmp_path, photo):
    (tmp_path / "in").mkdir()
    found = []
    for number in range(12):
        source = tmp_path / "in" / f"{number}.png"
        Image.fromarray(photo).save(source)
        found.append(
            Job(source, tmp_path / "out" / source.name, source.name, FORMATS["png"]),
        )
    return found


def run(upscaler, jobs, memory=10**9):
    with Pipeline(upscaler, memory=memory, encoding=Encoding()) as pipeline:
        return {outcome.job.name: outcome for outcome in pipeline.run(jobs)}


def only(outcomes, name):
    """The error of one job; all the others must have succeeded."""
    assert {key for key, outcome in outcomes.items() if outcome.error} == {name}
    assert len(outcomes) == 12
    return outcomes[name].error


def test_a_pipe_in_the_place_of_a_picture_does_not_hang(upscaler, jobs):
    jobs[3].source.unlink()
    os.mkfifo(jobs[3].source)
    assert only(run(upscaler, jobs), "3.png") == "is not a regular file"


def test_a_file_that_changes_while_it_is_read_is_tried_again(upscaler, jobs, monkeypatch, held):
    from upscaler.images import read

    real = read.read_metadata

    def slow(image, notes):
        facts = real(image, notes)
        if changed and threading.current_thread().name.startswith("read"):
            os.utime(changed.pop(), ns=(1, 1))
        return facts

    changed = [jobs[0].source]
    monkeypatch.setattr(read, "read_metadata", slow)
    outcomes = run(upscaler, jobs[:1])
    assert outcomes["0.png"].error == "changed while it was being read"
    assert not outcomes["0.png"].lasting
    held("an input changes while it is read", 1, "it fails, and the next run tries it again")


@pytest.mark.parametrize("stage", ["open_picture", "save_picture"])
@pytest.mark.parametrize(
    "error", [OSError(28, "No space left"), RuntimeError("odd"), MemoryError()]
)
def test_whatever_a_codec_raises_fails_one_file(upscaler, jobs, monkeypatch, stage, error):
    real = getattr(pipeline_module, stage)

    def sometimes(*arguments):
        if any("5.png" in str(argument) for argument in arguments):
            raise error
        return real(*arguments)

    monkeypatch.setattr(pipeline_module, stage, sometimes)
    assert only(run(upscaler, jobs), "5.png")


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), RuntimeError("odd")])
def test_a_write_that_fails_midway_leaves_nothing(upscaler, jobs, photo, monkeypatch, error):
    Image.fromarray(photo[:20, :20]).save(jobs[5].source)
    real = write.encode

    def sometimes(file, picture, *others):
        if picture.width == 40:
            file.write(b"half of it")
            file.flush()
            raise error
        real(file, picture, *others)

    monkeypatch.setattr(write, "encode", sometimes)
    assert str(error.args[-1]) in only(run(upscaler, jobs), "5.png")
    assert len(list(jobs[5].target.parent.iterdir())) == 11


def test_whatever_the_runtime_raises_fails_one_file(upscaler, jobs, photo, monkeypatch):
    Image.fromarray(photo[:20, :20]).save(jobs[7].source)
    real = upscaler.choice.runtime.infer

    def sometimes(batch):
        if batch.shape[2] == 20:
            raise RuntimeError("CUDA error: an illegal memory access")
        return real(batch)

    monkeypatch.setattr(upscaler.choice.runtime, "infer", sometimes)
    assert "illegal memory access" in only(run(upscaler, jobs), "7.png")


def test_pictures_larger_than_the_memory_go_one_by_one(upscaler, jobs):
    outcomes = run(upscaler, jobs, memory=1)
    assert not any(outcome.error for outcome in outcomes.values())


def test_a_runtime_with_more_streams_gets_more_threads_when_the_run_moves_to_it(jobs):
    upscaler = Upscaler("fast", scale=2, runtime="cpu", precision="fp32", streams=1)
    wide = copy.copy(upscaler.choice.runtime)
    wide.streams, inside, together = 3, [], threading.Event()

    def slow(batch):
        inside.append(batch)
        if len(inside) >= 3:
            together.set()
        together.wait(60)
        return type(wide).infer(wide, batch)

    wide.infer = slow
    with Pipeline(upscaler, memory=10**9, encoding=Encoding()) as pipeline:
        outcomes = []
        for outcome in pipeline.run(jobs):
            outcomes.append(outcome)
            upscaler.choice = replace(upscaler.choice, runtime=wide)
    assert len(outcomes) == 12 and not any(outcome.error for outcome in outcomes)
    assert together.is_set()


@pytest.mark.parametrize(("runtime", "precision"), [("cpu", "fp32"), ("openvino", "bf16")])
def test_the_number_of_streams_changes_no_byte(jobs, photo, runtime, precision):
    for number, job in enumerate(jobs):
        turned = np.ascontiguousarray(np.roll(photo, number, axis=1)[: 37 - 2 * number])
        Image.fromarray(turned).save(job.source)
    written = []
    for streams in (1, 2, 8):
        try:
            upscaler = Upscaler(
                "fast", scale=2, runtime=runtime, precision=precision, tile=16, streams=streams
            )
        except RuntimeUnavailable as reason:
            pytest.skip(str(reason))
        assert not any(outcome.error for outcome in run(upscaler, jobs).values())
        written.append([job.target.read_bytes() for job in jobs])
    assert written[0] == written[1] == written[2]


def test_leaving_early_with_full_queues_ends_all_threads(upscaler, jobs, monkeypatch):
    save, lift = pipeline_module.save_picture, pipeline_module.Budget.lift
    saved, left = threading.Event(), threading.Event()

    def save_one(*arguments):
        if saved.is_set():
            assert left.wait(60)
        saved.set()
        return save(*arguments)

    def lift_and_go_on(budget):
        lift(budget)
        left.set()

    monkeypatch.setattr(pipeline_module, "save_picture", save_one)
    monkeypatch.setattr(pipeline_module.Budget, "lift", lift_and_go_on)
    before = threading.active_count()
    with (
        pytest.raises(KeyboardInterrupt),
        Pipeline(upscaler, memory=1, encoding=Encoding()) as pipeline,
    ):
        for _ in pipeline.run(jobs):
            raise KeyboardInterrupt
    assert threading.active_count() == before
    ended = len(list(pipeline.leftovers()))  # with the one at which it was interrupted
    written = [job for job in jobs if job.target.exists()]
    assert len(written) == ended < 12
    for job in written:
        with Image.open(job.target) as image:
            image.load()
