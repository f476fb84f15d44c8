"""Pictures that fit no memory, at their real size."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from upscaler.images import open_rows

SIDE = 9_000


@pytest.mark.slow
def test_a_large_picture_takes_little_memory(tmp_path):
    """At x2 the output alone would have 970 MB, and the input 240."""
    line = np.random.default_rng(1).integers(0, 255, (1, SIDE, 3), dtype=np.uint8)
    source = tmp_path / "in.tif"
    tifffile.imwrite(
        source,
        (line for _ in range(SIDE)),
        shape=(SIDE, SIDE, 3),
        dtype=np.uint8,
        photometric="rgb",
        rowsperstrip=1,
    )
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "upscaler", "run", source, tmp_path / "out.png"]
    command += ["-s", "2", "-m", "fast", "--report", report]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    # not by getrusage, which counts the process that this one was forked from
    assert json.loads(report.read_text())["peak_memory_mb"] < 700
    with open_rows(tmp_path / "out.png", sys.maxsize) as rows:
        assert (rows.height, rows.width) == (2 * SIDE, 2 * SIDE)
