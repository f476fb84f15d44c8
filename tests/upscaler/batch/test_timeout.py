"""A file that takes too long, or for ever, fails alone: `run --timeout`."""

import os
import signal
import threading
import time

import pytest
from PIL import Image

from upscaler.batch.report import Status
from upscaler.batch.run import batch as run_module
from upscaler.batch.run import pipeline as pipeline_module
from upscaler.batch.run import watchdog as watchdog_module
from upscaler.batch.run.workers import lost
from upscaler.images import write
from upscaler.inference import enlargement
from upscaler.inference.timing import Stopwatch

pytestmark = pytest.mark.usefixtures("watchdog")

FIFO_SECONDS = float(os.environ.get("UPSCALER_FIFO_SECONDS", "1"))
STAGES = ["read", "infer", "write"]


@pytest.fixture
def timed(monkeypatch):
    """Let the clock of the file that hangs run alone, from the moment that this is set.

    So no file fails because the machine is busy with something else.
    """
    begun, tick = threading.Event(), watchdog_module.Watch.tick

    def ticking(self, seconds):
        if begun.is_set() and "hangs" in self.name:
            tick(self, seconds)

    monkeypatch.setattr(watchdog_module.Watch, "tick", ticking)
    return begun


@pytest.fixture
def hang(monkeypatch, timed):
    """Let one stage of pictures 20 pixels wide wait until `release` is set; returns that."""
    release = threading.Event()

    def hang(stage):
        def waiting(real, is_meant):
            def call(*arguments):
                if is_meant(*arguments):
                    timed.set()
                    release.wait()
                return real(*arguments)

            return call

        open_picture, infer = pipeline_module.open_picture, enlargement._infer
        if stage == "read":
            late = waiting(open_picture, lambda path, limit: "hangs" in path.name)
            monkeypatch.setattr(pipeline_module, "open_picture", late)
        elif stage == "infer":
            late = waiting(infer, lambda runtime, pixels: pixels.shape[1] == 20)
            monkeypatch.setattr(enlargement, "_infer", late)
        else:
            late = waiting(write.encode, lambda file, picture, *others: picture.width == 40)
            monkeypatch.setattr(write, "encode", late)
        return release

    yield hang
    release.set()


@pytest.fixture
def pipelines(monkeypatch):
    """The pipelines of the test's runs."""
    made = []

    class Seen(pipeline_module.Pipeline):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(run_module, "Pipeline", Seen)
    return made


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".upscaler")


def returned():
    """Wait until no call is lost any more."""
    until = time.monotonic() + 60
    while lost() and time.monotonic() < until:
        time.sleep(0.01)
    return lost() == 0


@pytest.mark.parametrize("stage", STAGES)
def test_a_call_that_comes_back_too_late_changes_nothing(
    source, tmp_path, run, hang, pipelines, stage
):
    release = hang(stage)
    summary, notes = run(source, tmp_path / "out", timeout=0.5, memory=1)
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (12, 1)
    (failed,) = [result for result in notes.results if result.error]
    assert failed.name == "4-hangs.png"
    assert failed.error.startswith("took longer than --timeout 0.5 s; ")
    assert lost() == 1
    made = files(tmp_path / "out")
    assert len(made) == 12 and "4-hangs.png" not in made

    release.set()
    assert returned()
    assert files(tmp_path / "out") == made
    assert list(pipelines[0].leftovers()) == []
    assert pipelines[0]._budget._used == 0

    summary, _ = run(source, tmp_path / "out", timeout=30)
    assert (summary.counts[Status.DONE], summary.counts[Status.SKIPPED]) == (1, 12)


def test_a_run_of_the_same_timeout_tries_again(source, tmp_path, run, hang):
    hang("infer")
    run(source, tmp_path / "out", timeout=0.3)
    summary, _ = run(source, tmp_path / "out", timeout=0.3)
    assert (summary.counts[Status.SKIPPED], summary.counts[Status.FAILED]) == (12, 1)
    assert summary.exit_code == 1


def test_the_clock_of_a_file_runs_only_while_it_is_worked_on():
    failed = []
    dog = watchdog_module.Watchdog(1000, 1, failed.append)
    watch = dog.watch("a.png", Stopwatch(), failed.append)
    watch.tick(500)  # waits for its turn
    with watch.stage("read"):
        watch.tick(3)
        with watch.idle():  # for others
            watch.tick(500)
        watch.tick(4)
    watch.tick(500)
    dog.close()
    assert (watch.seconds, failed) == (7, [])


def test_the_tiles_that_are_left_are_skipped(tmp_path, photo, run, notes, timed, monkeypatch):
    (tmp_path / "in").mkdir()
    Image.fromarray(photo).save(tmp_path / "in" / "4-hangs.png")
    real, begun, failed = enlargement._infer, [], threading.Event()

    def slow(*arguments):
        begun.append(arguments)
        timed.set()
        assert failed.wait(60)
        return real(*arguments)

    def result(one):
        notes.results.append(one)
        failed.set()

    monkeypatch.setattr(enlargement, "_infer", slow)
    monkeypatch.setattr(notes, "result", result)
    options = {"reporter": notes, "timeout": 0.3, "tile": 4, "streams": 1}
    summary, _ = run(tmp_path / "in", tmp_path / "out", **options)
    assert summary.exit_code == 1
    assert len(begun) < 10  # of 140


def test_what_is_taking_its_name_is_kept(tmp_path, photo, run, timed, monkeypatch):
    (tmp_path / "in").mkdir()
    Image.fromarray(photo).save(tmp_path / "in" / "4-hangs.png")
    replace, fail, tried = os.replace, watchdog_module.Watch.fail, threading.Event()

    def slow(*arguments):
        timed.set()
        assert tried.wait(60)
        replace(*arguments)

    def failing(self, reason):
        fail(self, reason)
        tried.set()

    monkeypatch.setattr(watchdog_module.Watch, "fail", failing)
    monkeypatch.setattr("os.replace", slow)
    summary, _ = run(tmp_path / "in", tmp_path / "out", timeout=0.4)
    assert summary.counts[Status.DONE] == 1


def test_a_run_without_a_timeout_logs_where_it_stands(
    source, tmp_path, run, notes, hang, monkeypatch
):
    monkeypatch.setattr(watchdog_module, "_LONG", 1.0)
    release, logged = hang("read"), []

    def note(text):
        logged.append(text)
        release.set()

    monkeypatch.setattr(notes, "note", note)
    summary, _ = run(source, tmp_path / "out", reporter=notes)
    assert summary.exit_code == 0
    assert logged == [
        "4-hangs.png: one step has taken 1 s so far; "
        "with --timeout S, files that take longer than S seconds fail"
    ]


def test_a_reader_blocked_on_a_pipe(source, tmp_path, run, timed, monkeypatch, held):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    real = pipeline_module.open_picture

    def blocked(path, limit):
        if "hangs" in path.name:
            timed.set()
            pipe.read_bytes()  # nobody writes into it
        return real(path, limit)

    signal.alarm(int(FIFO_SECONDS) + 300)
    monkeypatch.setattr(pipeline_module, "open_picture", blocked)
    summary, _ = run(source, tmp_path / "out", timeout=FIFO_SECONDS)
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (12, 1)
    pipe.write_bytes(b"")
    assert returned()
    assert len(files(tmp_path / "out")) == 12
    fault = f"a reader blocked on a pipe for {FIFO_SECONDS:g} s, which is the --timeout"
    held(
        fault, 1, "this file fails, the others are done, exit 1; what returns late changes nothing"
    )


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
def test_a_timeout_is_a_time(folder, tmp_path, command, value):
    code, _, err = command("run", folder, tmp_path / "out", "--timeout", value)
    assert code == 2 and "not a number of seconds above 0" in err
