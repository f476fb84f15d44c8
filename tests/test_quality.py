"""The packaged models reach their figures, measured from files by the judges' own scripts."""

import re
import subprocess
import sys

import pytest

from upscaler.cli.main import commands

EXPECTED = {
    ("Set5", 2): 37.25,
    ("Set14", 2): 32.7,
    ("BSD100", 2): 31.70,
    ("Set5", 4): 31.00,
    ("Set14", 4): 27.7,
    ("BSD100", 4): 27.10,
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scale"), EXPECTED)
def test_fast_on_the_standard_sets(shared, tmp_path, name, scale):
    truth, low, ours = shared / "data" / "test" / name, tmp_path / "low", tmp_path / "ours"

    def judge(script, *arguments):
        command = [sys.executable, str(shared / "judge" / script), *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    judge("make_lr.py", truth, low, scale)
    arguments = ["run", str(low), str(ours), "-s", str(scale), "-m", "fast", "-q"]
    assert commands.main(arguments, "upscaler", standalone_mode=False) == 0
    line = judge("score.py", truth, ours, scale)
    psnr, below = re.search(r"PSNR-Y ([\d.]+) dB, (\d+) below", line).groups()
    assert float(psnr) >= EXPECTED[name, scale]
    assert int(below) == 0
