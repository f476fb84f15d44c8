"""What passes before the first picture is at work."""

import os
import subprocess
import sys

import pytest
from PIL import Image

from upscaler.models import packaged_models

SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["auto", *sorted({m.spec.name for m in packaged_models()})])
def test_a_run_over_one_tiny_picture_takes_less_than_a_second(tmp_path, model):
    """Counted in processor time, both processes together, so that other programs do not count."""
    Image.new("RGB", (16, 16), "red").save(tmp_path / "a.png")
    command = [sys.executable, "-m", "upscaler", "run", tmp_path / "a.png", "-m", model]
    started = subprocess.Popen(command, **SILENT, cwd=tmp_path)
    _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    print(f"{model}: {used.ru_utime + used.ru_stime:.2f} s")
    assert started.returncode == 0
    assert used.ru_utime + used.ru_stime < 1.0
