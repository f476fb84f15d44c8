"""The workflows of a public home: they cannot run here, but what they call can."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(
    re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_step_is_a_line_of_the_makefile(path):
    steps = re.findall(r"run: (.*)", path.read_text(encoding="utf-8"))
    assert steps
    for step in steps:
        make, target, *settings = step.split(maxsplit=2)
        assert make == "make" and target in TARGETS, step
        assert not settings or re.fullmatch(r"[A-Z]+=\$\{\{ [\w.]+ \}\}", settings[0]), step


def test_the_oldest_python_that_is_allowed_is_tested():
    oldest = re.search(r'requires-python = ">=(.*)"', (ROOT / "pyproject.toml").read_text())[1]
    matrix = re.search(
        r"python: \[(.*)\]", (ROOT / ".github" / "workflows" / "check.yml").read_text()
    )[1]
    assert matrix.split(", ")[0] == f'"{oldest}"'
