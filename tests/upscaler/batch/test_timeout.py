"""A file that takes too long fails alone: `run --timeout`. What never ends: test_hanging.py."""

import os
import threading

import pytest
from PIL import Image

from upscaler.batch.report import Status
from upscaler.batch.run import clock as clock_module
from upscaler.batch.run import pipeline as pipeline_module
from upscaler.images import write
from upscaler.inference import enlargement
from upscaler.inference.timing import Stopwatch
from upscaler.supervisor.line import NOBODY, Witness

pytestmark = pytest.mark.usefixtures("watchdog")

FIFO_SECONDS = float(os.environ.get("FAULT_FIFO_SECONDS", "1"))


@pytest.fixture
def timed(monkeypatch):
    """Let the clock of the file that hangs run alone, from the moment that this is set.

    So no file fails because the machine is busy with something else.
    """
    begun, tick = threading.Event(), clock_module.Clock.tick

    def ticking(self, seconds):
        if begun.is_set() and "hangs" in self.name:
            tick(self, seconds)

    monkeypatch.setattr(clock_module.Clock, "tick", ticking)
    return begun


class Patient(Witness):
    """Lets the call return, by `release`, when its file is late."""

    def __init__(self, release):
        self.release, self.heard = release, []

    def late(self, name, reason):
        self.heard.append(name)
        self.release()


@pytest.fixture
def hang(monkeypatch, timed):
    """Let one stage of pictures 20 pixels wide wait until the event that is returned is set."""
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


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".upscaler")


@pytest.mark.parametrize("stage", ["read", "infer"])
def test_a_file_that_takes_too_long_fails_and_is_tried_again(source, tmp_path, run, hang, stage):
    witness = Patient(hang(stage).set)
    summary, notes = run(source, tmp_path / "out", timeout=0.5, memory=1, witness=witness)
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (12, 1)
    (failed,) = [result for result in notes.results if result.error]
    assert failed.name == "4-hangs.png"
    assert failed.error.startswith("took longer than --timeout 0.5 s; ")
    assert witness.heard == ["4-hangs.png"]
    assert len(files(tmp_path / "out")) == 12

    summary, _ = run(source, tmp_path / "out", timeout=30)
    assert (summary.counts[Status.DONE], summary.counts[Status.SKIPPED]) == (1, 12)


def test_what_is_written_too_late_is_done(source, tmp_path, run, hang):
    witness = Patient(hang("write").set)
    summary, _ = run(source, tmp_path / "out", timeout=0.5, witness=witness)
    assert witness.heard == ["4-hangs.png"]
    assert summary.counts[Status.DONE] == 13


def test_what_is_reported_is_the_work_on_a_file_and_not_its_waiting(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(clock_module.time, "perf_counter", lambda: now[0])
    clock = clock_module.Clock("a.png", Stopwatch())
    now[0] = 100  # waits for its turn
    with clock.stage("read"):
        now[0] = 102
    now[0] = 200  # waits for the network
    with clock.stage("infer"), clock.stage("infer"):  # two threads
        now[0] = 205
    assert clock.worked == 7
    assert (clock.stages["read"], clock.stages["infer"]) == (2, 10)


def test_the_clock_of_a_file_runs_only_while_it_is_worked_on():
    clock = clock_module.Clock("a.png", Stopwatch())
    clock.tick(500)  # waits for its turn
    with clock.busy():
        clock.tick(3)
        with clock.idle():  # for others
            clock.tick(500)
        clock.tick(4)
    clock.tick(500)
    assert clock.seconds == 7


def test_a_time_in_which_nothing_could_run_counts_little(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(clock_module.time, "monotonic", lambda: now[0])
    clocks, clock = clock_module.Clocks(10, print, NOBODY), clock_module.Clock("a.png", Stopwatch())
    clocks.begin(clock)
    with clock.busy():
        now[0] += 3600  # the lid was shut
        clocks.look()
        assert 0 < clock.seconds < 10 and not clock.late


def test_the_tiles_that_are_left_are_skipped(tmp_path, photo, run, timed, monkeypatch):
    (tmp_path / "in").mkdir()
    Image.fromarray(photo).save(tmp_path / "in" / "4-hangs.png")
    real, begun, late = enlargement._infer, [], threading.Event()

    def slow(*arguments):
        begun.append(arguments)
        timed.set()
        assert late.wait(60)
        return real(*arguments)

    monkeypatch.setattr(enlargement, "_infer", slow)
    options = {"witness": Patient(late.set), "timeout": 0.3, "tile": 4, "streams": 1}
    summary, _ = run(tmp_path / "in", tmp_path / "out", **options)
    assert summary.exit_code == 1
    assert len(begun) < 10  # of 140


def test_what_is_taking_its_name_is_kept(tmp_path, photo, run, timed, monkeypatch):
    (tmp_path / "in").mkdir()
    Image.fromarray(photo).save(tmp_path / "in" / "4-hangs.png")
    replace, late = os.replace, threading.Event()

    def slow(*arguments):
        timed.set()
        assert late.wait(60)
        replace(*arguments)

    monkeypatch.setattr("os.replace", slow)
    summary, _ = run(tmp_path / "in", tmp_path / "out", timeout=0.4, witness=Patient(late.set))
    assert summary.counts[Status.DONE] == 1


def test_a_run_without_a_timeout_logs_where_it_stands(
    source, tmp_path, run, notes, hang, monkeypatch
):
    monkeypatch.setattr(clock_module, "_LONG", 1.0)
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
            pipe.read_bytes()  # nobody writes into it before the file is late
        return real(path, limit)

    monkeypatch.setattr(pipeline_module, "open_picture", blocked)
    witness = Patient(lambda: pipe.write_bytes(b""))
    summary, _ = run(source, tmp_path / "out", timeout=FIFO_SECONDS, witness=witness)
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (12, 1)
    assert len(files(tmp_path / "out")) == 12
    fault = f"a reader blocked on a pipe for {FIFO_SECONDS:g} s, which is the --timeout"
    held(fault, 1, "this file fails, the others are done, exit 1")


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
def test_a_timeout_is_a_time(folder, tmp_path, command, value):
    code, _, err = command("run", folder, tmp_path / "out", "--timeout", value)
    assert code == 2 and "not a number of seconds above 0" in err
