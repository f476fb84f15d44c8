"""Calls into C that never return: their file fails, and Ctrl-C still ends the run."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("watchdog")]

NATIVE = [sys.executable, Path(__file__).parent / "faults" / "native.py"]
OPTIONS = ["-m", "fast", "-s", "2", "-r", "cpu", "-j", "2"]
WORDS = {"read": "a decoder", "infer": "a runtime", "write": "an encoder"}


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".upscaler")


@pytest.mark.parametrize("stage", WORDS)
@pytest.mark.parametrize("how", ["hangs", "locks"])
def test_a_native_call_that_never_returns(source, tmp_path, held, stage, how):
    out, report = tmp_path / "out", tmp_path / "report.json"
    arguments = ["run", source, out, *OPTIONS, "--timeout", "5", "--report", report]
    done = subprocess.run(
        [*NATIVE, stage, how, *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 1, done.stderr
    assert "failed: 4-hangs.png: took longer than --timeout 5 s; " in done.stderr
    said = json.loads(report.read_text())
    assert (said["done"], said["failed"], said["planned"]) == (12, 1, 13)
    assert len(files(out)) == 12 and not list(out.glob(".upscaler-*"))
    again = subprocess.run(
        [sys.executable, "-m", "upscaler", *arguments], capture_output=True, text=True, check=False
    )
    said = json.loads(report.read_text())
    assert (again.returncode, said["done"], said["skipped"]) == (0, 1, 12)
    lock = " and holds Python's lock" if how == "locks" else ""
    fault = f"{WORDS[stage]} that never returns{lock}, with --timeout"
    held(fault, 1, "this file fails, the others are done, exit 1; the next run does it")


def test_every_inference_hangs(tmp_path, photo, held):
    (tmp_path / "in").mkdir()
    for number in range(70):
        Image.fromarray(photo ^ number).save(tmp_path / "in" / f"{number}.png")
    arguments = ["run", tmp_path / "in", tmp_path / "out", *OPTIONS, "--timeout", "0.2", "--json"]
    done = subprocess.run(
        [*NATIVE, "all", "hangs", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    *results, summary = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 1, done.stderr
    assert summary["failed"] == summary["planned"] == len(results) == 70
    tried = done.stderr.count("took longer than")
    assert tried >= 32 and tried + done.stderr.count("not tried: ") == 70
    held("every inference hangs, with --timeout", 1, "the rest is not tried, exit 1")


@pytest.mark.parametrize("stage", WORDS)
@pytest.mark.parametrize("signals", [1, 2])
@pytest.mark.parametrize("how", ["hangs", "locks"])
def test_an_interrupt_while_something_hangs(source, tmp_path, held, stage, signals, how):
    out = tmp_path / "out"
    arguments = [*NATIVE, stage, how, "run", source, out, *OPTIONS]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        while process.stderr.readline() != "goes wrong\n":
            assert process.poll() is None
        began = time.monotonic()
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        process.stderr.read()
        took = time.monotonic() - began
    assert process.returncode == 130
    if signals == 1 and how == "hangs":
        assert not list(out.glob(".upscaler-*"))
    what = "exit 130, no temporary file" if signals == 1 and how == "hangs" else "exit 130"
    times = "Ctrl-C" if signals == 1 else "a second Ctrl-C"
    lock = " and holds Python's lock" if how == "locks" else ""
    held(f"{times} while {WORDS[stage]} hangs{lock}", 1, f"{what} ({took:.1f} s)")
