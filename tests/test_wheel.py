"""What people install."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

USER = """
from pathlib import Path
import numpy as np
from PIL import Image
from upscaler import (
    FolderResult, ImageError, ModelFacts, Result, Size, Upscaler, list_models, upscale_folder
)

def progress(ended: int, total: int, file: Result) -> None:
    print(f"{ended}/{total} {file.name}: {file.error or file.target}")

def one(path: Path) -> Image.Image | None:
    with Upscaler("fast", size=Size(width=1920)) as upscaler:
        try:
            grey = upscaler(np.zeros((4, 4), np.uint8))
            print(grey.shape, grey.dtype)
            return upscaler(Image.open(path))
        except ImageError as error:
            print(error)
            return None

result: FolderResult = upscale_folder("photos", Path("large"), scale=2, progress=progress)
errors: list[str | None] = [file.error for file in result.failed]
models: list[ModelFacts] = list_models()
"""
MISTAKE = 'upscale_folder("photos", "large", scale="2")\n'


def test_the_wheel_has_models_recipes_and_types_and_no_experiments(tmp_path):
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"upscaler/py.typed", "upscaler/models/packaged/fast-x2.onnx"} <= names
    parts = {"page/page.html", "page/viewer.js", "page/page.css", "serve/serve.js"}
    assert {f"upscaler/{part}" for part in parts} <= names
    assert "upscaler_train/recipes/fast-x2.toml" in names
    assert any(name.endswith(".data/data/share/man/man1/upscaler.1") for name in names)
    assert not [name for name in names if name.startswith("upscaler_train/experiments/")]


@pytest.mark.ci
@pytest.mark.slow  # it reads all types, those of numpy included
def test_a_program_that_uses_it_passes_strict_types(tmp_path):
    pytest.importorskip("mypy")

    def types(program):
        path = tmp_path / "user.py"
        path.write_text(program)
        command = [sys.executable, "-m", "mypy", path]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert "Success" in (done := types(USER)).stdout, done.stdout + done.stderr
    wrong = types(USER + MISTAKE).stdout
    assert 'incompatible type "str"; expected "float | None"' in wrong and "Found 1 error" in wrong
