"""Calls into C that never return: with `run --timeout` they cost their file only."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("watchdog")]

HANGING = [sys.executable, Path(__file__).parent / "faults" / "hanging.py"]
OPTIONS = ["-m", "fast", "-s", "2", "-r", "cpu", "-j", "2"]
STAGES = ["read", "infer", "write"]
WORDS = {"read": "a decoder", "infer": "a runtime", "write": "an encoder"}


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".upscaler")


@pytest.mark.parametrize("stage", STAGES)
def test_a_native_call_that_never_returns(source, tmp_path, held, stage):
    out, report = tmp_path / "out", tmp_path / "report.json"
    arguments = ["run", source, out, *OPTIONS, "--timeout", "5", "--report", report]
    done = subprocess.run(
        [*HANGING, stage, *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 1, done.stderr
    assert "failed: 4-hangs.png: took longer than --timeout 5 s; " in done.stderr
    assert done.stdout.startswith("12 done, 1 failed")
    said = json.loads(report.read_text())
    assert said["done"] + said["failed"] == said["planned"] == 13
    assert len(files(out)) == 12 and not list(out.glob(".upscaler-*"))
    again = subprocess.run(
        [sys.executable, "-m", "upscaler", *arguments], capture_output=True, text=True, check=False
    )
    assert (again.returncode, again.stdout[:22]) == (0, "1 done, 12 already don")
    fault = f"{WORDS[stage]} that never returns, with --timeout"
    held(fault, 1, "this file fails, the others are done, exit 1; the next run does it")


def test_every_inference_hangs(tmp_path, photo, held):
    (tmp_path / "in").mkdir()
    for number in range(70):
        Image.fromarray(photo ^ number).save(tmp_path / "in" / f"{number}.png")
    arguments = ["run", tmp_path / "in", tmp_path / "out", *OPTIONS, "--timeout", "0.2", "--json"]
    done = subprocess.run(
        [*HANGING, "all", *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    summary = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1, done.stderr
    assert summary["failed"] == summary["planned"] == 70
    tried = done.stderr.count("took longer than")
    assert tried >= 32 and tried + done.stderr.count("not tried: ") == 70
    held("every inference hangs, with --timeout", 1, "the rest is not tried, exit 1")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("signals", [1, 2])
def test_an_interrupt_while_something_hangs(source, tmp_path, held, stage, signals):
    out = tmp_path / "out"
    arguments = [*HANGING, stage, "run", source, out, *OPTIONS]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        while len(files(out) if out.exists() else []) < (4 if stage == "read" else 12):
            time.sleep(0.05)
        began = time.monotonic()
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        process.stderr.read()
        took = time.monotonic() - began
    assert process.returncode == 130
    if signals == 1:
        assert not list(out.glob(".upscaler-*"))
    what = "exit 130, no temporary file" if signals == 1 else "exit 130"
    times = "Ctrl-C" if signals == 1 else "a second Ctrl-C"
    held(f"{times} while {WORDS[stage]} hangs", 1, f"{what} ({took:.1f} s)")
