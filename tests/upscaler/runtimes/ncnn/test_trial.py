"""ncnn crashes where others raise: a network runs in a process of its own first."""

import subprocess
import sys

import pytest

from upscaler.errors import RuntimeUnavailable

runtime = pytest.importorskip("upscaler.runtimes.ncnn.runtime", reason="needs the [gpu] extra")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os; os.abort()", "its process ended with -6"),
        ("raise SystemExit('ncnn failed with -1')", "ncnn failed with -1"),
        ("import time; time.sleep(60)", "more than 0.5 s"),
    ],
)
def test_what_crashes_there_does_not_open_here(monkeypatch, tmp_path, code, says):
    monkeypatch.setattr(runtime, "_TRIAL", [sys.executable, "-c", code])
    monkeypatch.setattr(runtime, "_PATIENCE", 0.5 if "sleep" in code else 60)
    with pytest.raises(RuntimeUnavailable, match=says):
        runtime._try(tmp_path, "fp32", 24)


def test_a_network_that_does_not_load_is_said_in_one_line(tmp_path):
    done = subprocess.run(
        [*runtime._TRIAL, tmp_path, "fp32", "24"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
