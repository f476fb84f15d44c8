"""Pictures that fit no memory, at their real size."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from upscaler.images import allow_pixels, open_rows

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
    command = [sys.executable, "-m", "upscaler", "run", source, tmp_path / "out.png", "-s", "2"]
    process = subprocess.Popen([*map(str, command), "-m", "fast"], stderr=subprocess.DEVNULL)
    # not RUSAGE_CHILDREN, where the largest of all children so far would count
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss / 1024 < 700
    allow_pixels(sys.maxsize)
    with open_rows(tmp_path / "out.png") as rows:
        assert (rows.height, rows.width) == (2 * SIDE, 2 * SIDE)
