"""What many files cost: no more memory, open files and threads than a few."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.plan.jobs import plan

pytestmark = pytest.mark.slow


def make(folder, number, side):
    folder.mkdir()
    rng = np.random.default_rng(3)
    for index in range(number):
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(
            folder / f"{index}.png"
        )
    return folder


def run_watched(source, output):
    """Run a folder in a process; return its peak memory in MB, most open files and threads."""
    report = output.with_suffix(".json")
    options = ("-m", "fast", "-s", "2", "-r", "cpu", "-q", "--report", report)
    command = [sys.executable, "-m", "upscaler", "run", source, output, *options]
    with subprocess.Popen([str(part) for part in command]) as process:
        own = Path("/proc", str(process.pid))
        files, threads = 0, 0
        while process.poll() is None:
            try:
                files = max(files, len(list((own / "fd").iterdir())))
                threads = max(threads, len(list((own / "task").iterdir())))
            except OSError:  # it has just ended
                break
            time.sleep(0.05)
    assert process.wait() == 0
    return json.loads(report.read_text())["peak_memory_mb"], files, threads


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
def test_ten_times_the_files_need_no_more_memory_files_or_threads(tmp_path):
    few = run_watched(make(tmp_path / "few", 500, 48), tmp_path / "out-few")
    many = run_watched(make(tmp_path / "many", 5000, 48), tmp_path / "out-many")
    print(f"500 files: {few}, 5000 files: {many} (MB, open files, threads)")
    assert many[0] <= few[0] + 50
    assert many[1] <= few[1] + 4
    assert many[2] <= few[2] + 2


def test_twenty_thousand_files(upscale, tmp_path, held):
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
