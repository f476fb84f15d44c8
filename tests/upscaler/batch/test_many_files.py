"""What many files cost: no more memory, open files and threads than a few."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
