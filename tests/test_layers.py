"""The house rules that no type checker knows: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "upscaler": ROOT / "upscaler",
    "upscaler_train": ROOT / "train" / "upscaler_train",
    "upscaler_export": ROOT / "export" / "upscaler_export",
}
ORDER = [
    "errors",
    "version",
    "hardware.system",
    "supervisor",
    "hardware",
    "quality",
    "images",
    "models.graph",
    "models",
    "runtimes",
    "runtimes.ncnn",
    "runtimes.tensorrt",
    "inference",
    "upscaler",
    "batch.not_read",
    "batch.report",
    "batch.plan",
    "batch.state",
    "batch.run",
    "batch.watch",
    "batch.dry_run",
    "batch.folder",
    "measure",
    "page",
    "serve",
    "cli",
]
"""The rooms of `upscaler`, from the ground up: each may import only from those before it."""

TORCH_ALLOWED = {
    "models/network.py",
    "models/weights.py",
    "runtimes/cuda_streams.py",
    "runtimes/tensorrt/runtime.py",
    "runtimes/torch_cuda.py",
}


def modules(package):
    return sorted(PACKAGES[package].rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def room(name):
    """`upscaler.batch.plan.jobs.x` -> `batch.plan`; None for what is no room of `upscaler`."""
    inside = name.removeprefix("upscaler.")
    rooms = [room for room in ORDER if f"{inside}.".startswith(f"{room}.")]
    return max(rooms, key=len) if rooms and inside != name else None


def test_upscaler_imports_neither_training_nor_export():
    for path in modules("upscaler"):
        assert not [n for n in imports(path) if n.startswith(("upscaler_train", "upscaler_export"))]


def test_training_and_export_do_not_know_each_other():
    for package, other in (
        ("upscaler_train", "upscaler_export"),
        ("upscaler_export", "upscaler_train"),
    ):
        for path in modules(package):
            assert not [name for name in imports(path) if name.startswith(other)]


def test_torch_stays_in_the_network():
    for path in modules("upscaler"):
        if path.relative_to(PACKAGES["upscaler"]).as_posix() not in TORCH_ALLOWED:
            assert not [name for name in imports(path) if name.split(".")[0] == "torch"], path


@pytest.mark.parametrize("path", modules("upscaler"), ids=str)
def test_imports_point_downwards(path):
    inside = path.relative_to(ROOT).with_suffix("")
    here = room(".".join(inside.parts).removesuffix(".__init__"))
    for name in imports(path):
        there = room(name)
        assert not here or there or not name.startswith("upscaler."), f"{inside} imports {name}"
        if here and there and there != here:
            assert ORDER.index(there) < ORDER.index(here), f"{inside} imports {name}"


def test_every_module_has_a_room():
    loose = {path.stem for path in (ROOT / "upscaler").glob("*.py")}
    assert loose == {"__init__", "__main__", "errors", "upscaler", "version"}
    rooms = {path.name for path in (ROOT / "upscaler").iterdir() if path.is_dir()} - {"__pycache__"}
    assert rooms == {name.split(".")[0] for name in ORDER} - loose
