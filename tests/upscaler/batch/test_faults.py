"""What a run survives. `make faults` writes the counts into docs/reliability.md."""

import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.plan.jobs import plan
from upscaler.batch.report import Status

KILLS = int(os.environ.get("UPSCALER_KILLS", "10"))
COMMAND = [sys.executable, "-m", "upscaler", "run"]
OPTIONS = ["-s", "2", "-r", "cpu"]


@pytest.fixture
def many(tmp_path, rng):
    """A folder of 300 small pictures."""
    source = tmp_path / "many"
    for number in range(300):
        path = source / f"d{number % 3}" / f"{number}.{('png', 'jpg', 'webp')[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (8 + number % 17, 8 + number % 29, 3)
        Image.fromarray(rng.integers(0, 255, size, dtype=np.uint8)).save(path)
    return source


def upscale(source, out, *options, report=None, **process):
    """Run the command in a process of its own; returns it with what it printed.

    A run that began must come to one result for each planned file.
    """
    with tempfile.TemporaryDirectory() as scratch:
        report = report or Path(scratch) / "report.json"
        command = [*COMMAND, source, out, *OPTIONS, *options, "--report", report]
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            **process,
        )
        assert report.exists() == (done.returncode in (0, 1))
        if report.exists():
            said = json.loads(report.read_text())
            assert sum(said[status] for status in Status) == said["planned"]
    return done


def tree(out):
    """The contents of all files, the journal apart."""
    files = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in files.items()
        if not name.startswith(".upscaler/")  # a run that goes on creates and removes files there
    }


def is_temporary(name):
    return Path(name).name.startswith(".upscaler-")


@contextmanager
def small_disk(place, *options):
    """A file system of 4 MB."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(["size=4m", *options]), "none", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may not mount a file system here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_killed_at_any_moment_a_resume_makes_the_same_tree(many, tmp_path, held):
    began = time.monotonic()
    assert upscale(many, tmp_path / "whole").returncode == 0
    took, whole = time.monotonic() - began, tree(tmp_path / "whole")
    assert len(whole) == 300
    moments, landed = random.Random(7), 0
    for number in range(KILLS):
        out = tmp_path / f"out{number}"
        command = [*COMMAND, str(many), str(out), *OPTIONS, "-q"]
        with subprocess.Popen(command) as process:
            time.sleep(moments.uniform(0.2, 1) * took)
            process.kill()
        landed += process.returncode == -signal.SIGKILL
        left = tree(out) if out.exists() else {}
        finished = {name: content for name, content in left.items() if not is_temporary(name)}
        assert finished.items() <= whole.items()
        assert upscale(many, out, "-q").returncode == 0
        assert tree(out) == whole
        shutil.rmtree(out)
    assert landed >= KILLS / 2
    fault = f"kill -9 at a random moment of a run over 300 files ({landed} before its end)"
    held(fault, KILLS, "only whole files under final names; resumed, the tree of an unkilled run")


@pytest.fixture(scope="session")
def failing_calls(tmp_path_factory):
    """A library that lets system calls fail."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler, on Linux")
    library = tmp_path_factory.mktemp("faults") / "failing_calls.so"
    source = Path(__file__).parent / "faults" / "failing_calls.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["open", "write", "fsync", "rename"])
def test_each_call_may_fail_in_each_way(tmp_path, folder, failing_calls, held, kind):
    driver = Path(__file__).parent / "faults" / "every_call.py"
    done = subprocess.run(
        [sys.executable, driver, folder, tmp_path / "scratch", kind],
        env={**os.environ, "LD_PRELOAD": str(failing_calls)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trials = [json.loads(line) for line in done.stdout.splitlines()]
    assert [trial for trial in trials if trial["wrong"]] == []
    assert {trial["exit"] for trial in trials} <= {0, 1, 3}
    assert {trial["error"] for trial in trials} == {"EIO", "ENOSPC", "EACCES"}
    tolerated = sum(trial["exit"] == 0 for trial in trials)
    fault = f"the n-th {kind}() fails, for every n, with EIO, ENOSPC, EACCES"
    what = "only whole files; exit 1 or 3, and a resume completes the tree"
    held(fault, len(trials), f"{what} ({tolerated} times complete at once, exit 0)")


def test_a_disk_that_fills_up(tmp_path, rng, held):
    (tmp_path / "in").mkdir()
    for number in range(12):
        noise = rng.integers(0, 255, (200, 300, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "in" / f"{number}.bmp")
    with small_disk(tmp_path / "disk") as disk:
        done = upscale(tmp_path / "in", disk / "out", "--json")
        made = tree(disk / "out")
        summary = json.loads(done.stdout.splitlines()[-1])
        assert done.returncode == 1 and "No space left" in done.stderr
        assert summary["done"] + summary["failed"] == summary["planned"] == 12
        assert 0 < len(made) == summary["done"] < 12
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert upscale(tmp_path / "in", disk / "out").returncode == 0
        assert len(tree(disk / "out")) == 12
        assert made.items() <= tree(disk / "out").items()
    what = "whole files or none, exit 1; with more space a second run completes the tree"
    held("a file system of 4 MB fills up", 1, what)


def test_an_output_folder_that_cannot_be_written(folder, tmp_path, held, command):
    with small_disk(tmp_path / "disk") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        began = time.monotonic()
        code, _, err = command("run", folder, disk / "out", *OPTIONS)
        took = time.monotonic() - began
    assert code == 3 and took < 2
    assert err.startswith("Error: cannot write into the output folder")
    held("a read-only output folder", 1, "exit 3 within 2 s, before the model is loaded")


def _vanish(path):
    path.unlink()


def _become_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def _lose_their_second_half(path):
    os.truncate(path, path.stat().st_size // 2)


def _become_a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "change", [_vanish, _become_a_pipe, _lose_their_second_half, _become_a_folder]
)
def test_inputs_that_change_after_the_plan(many, tmp_path, run, notes, held, monkeypatch, change):
    victims = [f"d{number % 3}/{number}.png" for number in range(0, 60, 3)]

    def opened(upscaler, files):
        for name in victims:
            change(many / name)

    monkeypatch.setattr(notes, "opened", opened)
    summary, _ = run(many, tmp_path / "out", reporter=notes)
    assert sorted(r.name for r in notes.results if r.error) == sorted(victims)
    assert (summary.exit_code, summary.counts[Status.DONE]) == (1, 280)
    words = change.__name__.strip("_").replace("_", " ")
    held(f"20 of 300 inputs {words} after the plan", 1, "these fail, the others are done, exit 1")


def test_two_runs_at_once(many, tmp_path, held):
    out = tmp_path / "out"
    with subprocess.Popen([*COMMAND, str(many), str(out), *OPTIONS, "-q"]) as first:
        while not any(out.glob("d*/[0-9]*")):
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)  # or it might end before the second begins
        second = upscale(many, out)
        first.send_signal(signal.SIGCONT)
    assert (second.returncode, first.returncode) == (3, 0)
    assert f"another run (process {first.pid} on " in second.stderr
    assert len(tree(out)) == 300
    held("a second run into one folder", 1, "exit 3, naming the first, which completes the tree")


def test_shards_at_once(many, tmp_path, held):
    out = tmp_path / "out"
    shards = [
        subprocess.Popen([*COMMAND, str(many), str(out), *OPTIONS, "-q", "--shard", f"{n}/3"])
        for n in (1, 2, 3)
    ]
    assert [shard.wait() for shard in shards] == [0, 0, 0]
    assert len(tree(out)) == 300
    done = upscale(many, out, "--json")
    assert json.loads(done.stdout.splitlines()[-1])["skipped"] == 300
    held("three shards at once into one folder", 1, "the whole tree, known to the next run")


@pytest.mark.parametrize(
    "damage", ["is no database", "is cut in half", "is of a newer version", "is a folder"]
)
def test_a_journal_that_cannot_be_used(folder, tmp_path, command, held, damage):
    out = tmp_path / "out"
    command("run", folder, out, *OPTIONS)
    before, journal = tree(out), out / ".upscaler" / "journal.sqlite"
    if damage == "is no database":
        journal.write_bytes(b"none" * 1000)
    elif damage == "is cut in half":
        os.truncate(journal, journal.stat().st_size // 2)
    elif damage == "is a folder":
        journal.unlink()
        journal.mkdir()
    else:  # the version of the tables, in the header of the file
        content = bytearray(journal.read_bytes())
        content[60:64] = (99).to_bytes(4)
        journal.write_bytes(content)
    code, _, err = command("run", folder, out, *OPTIONS)
    assert code == 3 and len(err.splitlines()) == 1 and "journal" in err
    assert tree(out) == before
    held(f"a journal that {damage}", 1, "exit 3 with one line, outputs untouched")


def without_privileges():
    """Let even root be refused: drop what overrides permissions from what a process may have."""
    bounding_set, override, read_and_search = 24, 1, 2
    for privilege in (override, read_and_search):
        ctypes.CDLL(None).prctl(bounding_set, privilege, 0, 0, 0)


def test_inputs_that_may_not_be_read(many, tmp_path, held):
    victims = [many / f"d{number % 3}" / f"{number}.png" for number in range(0, 60, 3)]
    options = {"preexec_fn": without_privileges} if os.geteuid() == 0 else {}
    victims[0].chmod(0)
    if subprocess.run(["cat", victims[0]], check=False, capture_output=True, **options).stdout:
        pytest.skip("nobody is refused a file here")
    for victim in victims:
        victim.chmod(0)
    done = upscale(many, tmp_path / "out", "--json", **options)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    failed = {result["name"]: result["error"] for result in results if "error" in result}
    assert set(failed) == {victim.relative_to(many).as_posix() for victim in victims}
    assert set(failed.values()) == {"cannot be read: Permission denied"}
    assert (done.returncode, results[-1]["done"]) == (1, 280)
    for victim in victims:
        victim.chmod(0o644)
    assert upscale(many, tmp_path / "out", "-q").returncode == 0
    assert len(tree(tmp_path / "out")) == 300
    what = "these fail, the others are done, exit 1; a resume does them once they may be read"
    held("20 of 300 inputs may not be read", 1, what)


@pytest.mark.slow
def test_twenty_thousand_files(tmp_path, held):
    def run(number):
        """Return the seconds that the plan takes, and the MB of a run."""
        source, report = tmp_path / f"in-{number}", tmp_path / f"{number}.json"
        source.mkdir()
        Image.new("RGB", (2, 2)).save(source / "0.bmp")
        picture = (source / "0.bmp").read_bytes()
        for index in range(1, number):
            (source / f"{index}.bmp").write_bytes(picture)
        began = time.process_time()
        assert plan(source, tmp_path / "out", "keep").size == number
        took = time.process_time() - began
        done = upscale(source, tmp_path / f"out-{number}", "-q", report=report)
        assert done.returncode == 0, done.stderr
        return took, json.loads(report.read_text())["peak_memory_mb"]

    _, few = run(2000)
    seconds, memory = run(20_000)
    assert seconds < 5
    assert memory < few + 50
    times = []
    for _ in range(2):  # whoever else is at work here makes it slower, never faster
        before = os.times()
        done = upscale(tmp_path / "in-20000", tmp_path / "out-20000")
        after = os.times()
        assert (done.returncode, done.stdout) == (0, "nothing to do, 20000 already done\n")
        times.append(sum(after[2:4]) - sum(before[2:4]))  # of the children
    took = min(times)
    assert took < 5
    held("the plan of 20,000 files", 1, f"within 5 s of CPU time ({seconds:.1f} s)")
    what = f"at most 50 MB more memory than over 2,000 ({memory} and {few} MB)"
    held("a run over 20,000 tiny files", 1, what)
    what = f"says so within 5 s of CPU time ({took:.1f} s)"
    held("a second run over 20,000 files that are done", 1, what)
