"""What the tests of faults share: a folder of many pictures, and runs in processes of their own."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.report import Status

COMMAND = [sys.executable, "-m", "upscaler", "run"]
OPTIONS = ["-s", "2", "-r", "cpu"]


@pytest.fixture
def many(tmp_path, rng):
    """A folder of 300 small pictures."""
    source = tmp_path / "many"
    for number in range(300):
        path = source / f"d{number % 3}" / f"{number}.{('png', 'jpg', 'webp')[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (8 + number % 17, 8 + number % 29, 3)
        Image.fromarray(rng.integers(0, 255, size, dtype=np.uint8)).save(path)
    return source


@pytest.fixture
def source(tmp_path, photo):
    """Twelve pictures, and one 20 pixels wide."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(photo[: 12 + number]).save(folder / f"{number}.png")
    Image.fromarray(photo[:20, :20]).save(folder / "4-hangs.png")
    return folder


@pytest.fixture
def upscale():
    """Run the command in a process of its own."""

    def upscale(source, out, *options, report=None, **process):
        """Run the command in a process of its own; returns it with what it printed.

        A run that began must come to one result for each planned file.
        """
        with tempfile.TemporaryDirectory() as scratch:
            report = report or Path(scratch) / "report.json"
            command = [*COMMAND, source, out, *OPTIONS, *options, "--report", report]
            done = subprocess.run(
                [str(part) for part in command],
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
                **process,
            )
            assert report.exists() == (done.returncode in (0, 1))
            if report.exists():
                said = json.loads(report.read_text())
                assert sum(said[status] for status in Status) == said["planned"]
        return done

    return upscale


@pytest.fixture
def tree():
    """Return the contents of an output folder."""

    def tree(out):
        """The contents of all files but the journal, which a run that goes on changes."""
        files = (path for path in out.rglob("*") if path.is_file())
        named = {path.relative_to(out).as_posix(): path for path in files}
        shown = {name: path for name, path in named.items() if not name.startswith(".upscaler/")}
        return {name: path.read_bytes() for name, path in shown.items()}

    return tree
