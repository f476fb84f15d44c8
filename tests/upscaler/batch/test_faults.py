"""What a run survives. `make faults` writes the counts into docs/lab/reliability.md."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.run.settings import Settings

KILLS = int(os.environ.get("FAULT_KILLS", "10"))
COMMAND = [sys.executable, "-m", "upscaler", "run"]
OPTIONS = ["-s", "2", "-r", "cpu"]


WHOM = ["the supervisor", "its child", "both"]


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


def children(process):
    """Return the children of a process, by their numbers."""
    task = Path(f"/proc/{process}/task/{process}/children")
    try:
        return [int(number) for number in task.read_text().split()]
    except OSError:
        return []


def is_alive(process):
    """Whether a process is there and not a zombie."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_killed_at_any_moment_a_resume_makes_the_same_tree(upscale, tree, many, tmp_path, held):
    assert upscale(many, tmp_path / "whole").returncode == 0
    whole = tree(tmp_path / "whole")
    assert len(whole) == 300
    moments, landed = random.Random(7), dict.fromkeys(WHOM, 0)
    for number in range(KILLS):
        out, whom = tmp_path / f"out{number}", WHOM[number % 3]
        command = [*COMMAND, str(many), str(out), *OPTIONS, "-q"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            files = moments.randrange(250)
            while process.poll() is None and len(list(out.glob("d*/[0-9]*"))) < files:
                time.sleep(0.001)
            child = children(process.pid)
            landed[whom] += process.poll() is None
            own = [] if whom == "its child" else [process.pid]
            for killed in own + child * (whom != "the supervisor"):
                with suppress(ProcessLookupError):
                    os.kill(killed, signal.SIGKILL)
        if whom == "its child" and files:
            assert process.returncode == 0 and tree(out) == whole
        until = time.monotonic() + 30
        while any(map(is_alive, child)):
            assert time.monotonic() < until, "the child outlives its supervisor"
            time.sleep(0.01)
        left = tree(out) if out.exists() else {}
        finished = {name: content for name, content in left.items() if not is_temporary(name)}
        assert finished.items() <= whole.items()
        assert upscale(many, out, "-q").returncode == 0
        assert tree(out) == whole
        shutil.rmtree(out)
    assert sum(landed.values()) >= KILLS / 2
    for number, whom in enumerate(WHOM):
        times = len(range(number, KILLS, 3))
        what = "only whole files under final names; resumed, the tree of an unkilled run"
        fault = f"kill -9 of {whom} at a random moment of a run over 300 files"
        held(f"{fault} ({landed[whom]} before its end)", times, what)


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


def test_a_disk_that_fills_up(upscale, tree, tmp_path, rng, held):
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


def test_an_output_folder_that_cannot_be_written(folder, tmp_path, held, command, monkeypatch):
    def load(settings):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(Settings, "open", load)
    with small_disk(tmp_path / "disk") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        code, _, err = command("run", folder, disk / "out", *OPTIONS)
    assert code == 3
    assert err.startswith("Error: cannot write into the output folder")
    held("a read-only output folder", 1, "exit 3, before the model is loaded")


def test_two_runs_at_once(upscale, tree, many, tmp_path, held):
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


def test_shards_at_once(upscale, tree, many, tmp_path, held):
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
def test_a_journal_that_cannot_be_used(tree, folder, tmp_path, command, held, damage):
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
