"""What `windows` does, with stand-ins for what only Windows has."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

AS_WINDOWS = Path(__file__).parent / "as_windows.py"


@pytest.fixture
def windows(monkeypatch):
    spec = importlib.util.spec_from_file_location("as_windows", AS_WINDOWS)
    helper = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(helper)
    modules, names = helper.stand_ins() if sys.platform != "win32" else ({}, [])
    for name, stand_in in modules.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    for place, name, value in names:
        monkeypatch.setattr(place, name, value, raising=False)
    monkeypatch.delitem(sys.modules, "upscaler.hardware.system.windows", raising=False)
    yield helper.load()
    sys.modules.pop("upscaler.hardware.system.windows", None)


@pytest.mark.skipif(sys.platform == "win32", reason="for systems that have what it hides")
def test_a_picture_is_enlarged_where_there_is_nothing_of_posix(tmp_path, photo):
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "sub").mkdir(parents=True)
    Image.fromarray(photo).save(source / "sub" / "a.png")
    arguments = ["run", source, out, "-s", "2", "-r", "cpu", "-q"]
    for _ in range(2):  # the second time there is nothing to do
        done = subprocess.run(
            [sys.executable, AS_WINDOWS, *arguments], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    large = np.asarray(Image.open(out / "sub" / "a.png"))
    assert large.shape == (74, 106, 3)
    assert not list(out.rglob("*.part"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CON.png", "is one of a device on Windows: CON.png"),
        ("sub/nul", "is one of a device on Windows: nul"),
        ("lpt1 .tar.png", "is one of a device on Windows: lpt1 .tar.png"),
        ("end.", "would lose the '.' at the end of 'end.' on Windows"),
        ("sub /a.png", "would lose the ' ' at the end of 'sub ' on Windows"),
        ("what?.png", "has a letter that Windows does not take: '?'"),
        ("a\tb.png", "has a letter that Windows does not take: '\\t'"),
        ("é" * 256, "would have 256 letters, and Windows takes 255"),
        ("\U0001f408" * 128, "would have 256 letters, and Windows takes 255"),
    ],
)
def test_names_that_windows_keeps_for_itself_are_refused(windows, tmp_path, name, reason):
    path = tmp_path / name
    assert windows.refused_names([path], tmp_path) == {path: reason}


@pytest.mark.parametrize("name", ["console.png", "a.con", ".png", "é" * 99, "com.png"])
def test_other_names_are_not(windows, tmp_path, name):
    assert not windows.refused_names([tmp_path / name], tmp_path)


def test_a_path_is_too_long_unless_long_ones_are_switched_on(windows, tmp_path, monkeypatch):
    path = tmp_path.joinpath(*["deep"] * 60, "a.png")
    (reason,) = windows.refused_names([path], tmp_path).values()
    assert reason.startswith(f"would have {len(str(path))} letters with its folders, and Windows")
    monkeypatch.setattr(windows, "_registered", lambda place, name: 1)
    assert not windows.refused_names([path], tmp_path)


def test_a_file_that_somebody_holds_is_replaced_when_it_is_free(windows, monkeypatch):
    tries, pauses = [], []

    def replace(path, target):
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError(13, "held")

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(windows.time, "sleep", pauses.append)
    windows.replace("a.part", "a.png")
    assert len(tries) == 3 and pauses == [0.01, 0.05]


def test_a_file_that_somebody_keeps_is_said(windows, monkeypatch):
    def replace(path, target):
        raise PermissionError(13, "held")

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(windows.time, "sleep", lambda seconds: None)
    with pytest.raises(PermissionError, match="held"):
        windows.replace("a.part", "a.png")


def test_exit_codes_of_crashes_are_said_in_hex(windows):
    assert windows.crash(3221225477) == "0xC0000005"
    assert windows.died_by(3221225477) == "with 0xC0000005"
    assert not windows.crash(0xC000013A), "Ctrl-C is none"
    assert windows.exit_code(0xC000013A) == windows.exit_code(-signal.SIGINT) == 130
    assert windows.exit_code(-signal.SIGTERM) == 143
