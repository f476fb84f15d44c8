"""Native code that ends its process: the file fails, the others are done, and it is remembered."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from upscaler.batch.plan.jobs import plan
from upscaler.batch.report import Status
from upscaler.batch.run.batch import Batch
from upscaler.batch.run.pipeline import Pipeline
from upscaler.batch.run.settings import Settings
from upscaler.supervisor.handover import Handover
from upscaler.supervisor.line import Witness

NATIVE = [sys.executable, Path(__file__).parent / "faults" / "native.py"]
OPTIONS = ["-m", "fast", "-s", "2", "-r", "cpu", "-j", "2"]
WHERE = {"read": "the decoder", "infer": "the runtime", "write": "the encoder"}


def crashing(stage, how, *arguments):
    """Run the command line with a call that ends it; returns the process and its JSON Lines."""
    command = [*NATIVE, stage, how, "run", *arguments, *OPTIONS, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("stage", WHERE)
@pytest.mark.parametrize("how", ["SIGSEGV", "SIGKILL"])
def test_a_crash_costs_its_file_only(source, tmp_path, names, held, stage, how):
    out, report = tmp_path / "out", tmp_path / "report.json"
    done, said = crashing(stage, how, source, out, "--report", report)
    killed = (
        f"was in {WHERE[stage]} when the process was killed (SIGKILL), perhaps for lack of memory"
    )
    reason = killed if how == "SIGKILL" else f"ends {WHERE[stage]} (SIGSEGV)"
    assert done.returncode == 1, done.stderr
    assert f"failed: 4-hangs.png: {reason}\n" in done.stderr
    *results, summary = said
    # a file may be named twice if the crash came between its line and the note that it is out
    assert {result["name"] for result in results} == {path.name for path in source.iterdir()}
    assert (summary["done"], summary["failed"], summary["planned"]) == (12, 1, 13)
    assert len(names(out)) == 12
    facts = json.loads(report.read_text())
    pixels = {result["name"]: result.get("pixels", 0) for result in results}
    assert facts["megapixels"] == round(sum(pixels.values()) / 1e6, 3)
    assert facts["elapsed"] > 0 and facts["stages"]["infer"] > 0

    again, said = crashing(stage, how, source, out)
    assert again.returncode == 1
    assert (said[-1]["skipped"], said[-1]["failed-before"]) == (12, 1)
    assert f"failed before: 4-hangs.png: {reason}\n" in again.stderr
    command = [sys.executable, "-m", "upscaler", "run", source, out, *OPTIONS, "--retry-failed"]
    mended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert mended.returncode == 0
    assert mended.stdout.startswith("1 done in ") and ", 12 already done" in mended.stdout
    what = "it fails, the others are done, exit 1; not tried again without --retry-failed"
    held(f"a file that ends its process in {WHERE[stage]} ({how})", 1, what)


@pytest.mark.slow
def test_one_file_to_one_file(tmp_path, photo):
    source, out = tmp_path / "a.png", tmp_path / "b.png"
    Image.fromarray(photo[:20, :20]).save(source)
    done, said = crashing("read", "SIGSEGV", source, out)
    assert (done.returncode, said[-1]["failed"]) == (1, 1)
    assert "failed: a.png: ends the decoder (SIGSEGV)" in done.stderr
    assert not out.exists()


class Heard(Witness):
    """Takes part in a run as a later process, and keeps what it is told."""

    def __init__(self, **facts):
        self.handover, self.said = Handover(**facts), []

    def _say(self, *message):
        self.said.append(message)


def test_what_a_killed_run_had_in_flight_comes_last_and_alone(source, tmp_path, run, monkeypatch):
    class Killed(BaseException):
        pass

    real = Pipeline._next

    def killed(self):
        real(self)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Pipeline, "_next", killed)
        patch.setattr(Pipeline, "leftovers", lambda self: [])
        run(source, tmp_path / "out")
    witness = Heard()
    assert run(source, tmp_path / "out", witness=witness)[0].exit_code == 0
    (suspects,) = [facts[1] for facts in witness.said if facts[0] == "suspect"]
    assert 0 < len(suspects) < 13
    ended = [facts[1] for facts in witness.said if facts[0] == "ended"]
    assert ended[-len(suspects) :] == suspects
    last = [facts[:2] for facts in witness.said if facts[0] in ("at", "ended")]
    begun = [last.index(("at", name)) for name in suspects]
    assert begun == [
        last.index(("ended", name)) + 1 for name in [ended[-len(suspects) - 1], *suspects[:-1]]
    ]


def test_a_later_process_counts_what_was_done_and_reports_the_rest(source, tmp_path, run, notes):
    first = Heard()
    run(source, tmp_path / "out", witness=first)
    *_, so_far = (facts[3] for facts in first.said if facts[0] == "ended")
    (source / "new.png").write_bytes((source / "3.png").read_bytes())
    failed = {"5.png": ("ends the decoder (SIGSEGV)", True)}
    later = Heard(began=1.0, note="again", suspects=["new.png"], failed=failed, so_far=so_far)
    planned = plan(source, tmp_path / "out", "keep")
    settings = Settings(model="fast", scale=2, runtime="cpu", streams=2)
    summary = Batch(planned, settings, notes, later).run()
    assert [(one.name, one.error) for one in notes.results] == [
        ("5.png", "ends the decoder (SIGSEGV)"),
        ("new.png", None),
    ]
    assert summary.planned == sum(summary.counts.values()) == 14
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (13, 1)
    assert summary.pixels > so_far["pixels"]
    assert len(summary.runtimes) == 1


def test_what_was_done_but_not_reported_is_done_again(source, tmp_path, run, notes):
    run(source, tmp_path / "out")
    later = Heard(began=1.0, note="again", unreported=["5.png"])
    planned = plan(source, tmp_path / "out", "keep")
    settings = Settings(model="fast", scale=2, runtime="cpu", streams=2)
    summary = Batch(planned, settings, notes, later).run()
    assert [(one.name, one.status) for one in notes.results] == [("5.png", Status.DONE)]
    assert summary.counts[Status.DONE] == summary.planned == 13


def test_after_too_many_nothing_more_is_tried(source, tmp_path, notes):
    planned = plan(source, tmp_path / "out", "keep")
    later = Heard(began=1.0, note="again", not_tried="not tried: 32 files in a row")
    summary = Batch(planned, Settings(model="fast", scale=2), notes, later).run()
    assert summary.counts[Status.FAILED] == 13 and notes.opened_with is None
    assert {one.error for one in notes.results} == {"not tried: 32 files in a row"}
