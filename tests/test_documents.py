"""The documents say what the program does."""

import contextlib
import dataclasses
import importlib
import re
import shlex
from pathlib import Path

import click
import pytest

from upscaler.batch.report import Result, Summary
from upscaler.batch.state.entries import RunRecord
from upscaler.cli.main import commands
from upscaler.images import images_in
from upscaler.inference.timing import STAGES, Profile
from upscaler.measure.bench import Measurement
from upscaler.measure.doctor import Health, facts
from upscaler.measure.evaluation import Score
from upscaler.runtimes import RUNTIMES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MARKDOWN = [p for p in ROOT.rglob("*.md") if ".venv" not in p.parts and "runs" not in p.parts]


AGAIN = "run: python docs/reference/generate.py"


@pytest.fixture
def generate(monkeypatch):
    """The module that makes the generated documents."""
    pytest.importorskip("torch", reason="the reference includes the commands of [train]")
    monkeypatch.syspath_prepend(DOCS / "reference")
    return importlib.import_module("generate")


def test_the_command_reference_is_fresh(generate):
    text = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    assert text == generate.reference(), AGAIN


def test_the_manual_page_is_fresh(generate):
    text = (DOCS / "reference" / "upscaler.1").read_text(encoding="utf-8")
    assert text == generate.manual(), AGAIN


def test_the_table_of_formats_is_fresh(generate):
    text = (DOCS / "reference" / "formats.md").read_text(encoding="utf-8")
    assert text == generate.formats.table(), AGAIN


def test_the_table_of_models_is_fresh(generate):
    text = (DOCS / "reference" / "models.md").read_text(encoding="utf-8")
    assert text == generate.models(), AGAIN


def test_the_picture_of_a_run_is_of_the_samples_and_asks_no_server(generate):
    text = (DOCS / "pictures" / "run.svg").read_text(encoding="utf-8").replace("&#160;", " ")
    assert generate.run_picture.COMMAND in text
    for path in images_in(ROOT / "samples"):
        assert f"done: {path.name} in " in text, AGAIN + " --measure"
    assert "url(http" not in text


def test_the_comparison_with_peers_is_that_of_the_newest_result(generate):
    for document in (generate.MEASUREMENTS, generate.README):
        text = document.read_text(encoding="utf-8")
        assert text == generate.compared(text), AGAIN


def test_the_table_of_peers_says_what_was_measured(generate):
    row = {"scale": 2, "network": "ours", "files": 40, "packages": [], "psnr_y": {"Set5": 37.3}}
    slow = {"name": "slow", "packages": ["slow==1.0"], "files": 3, "psnr_y": {}}
    result = {
        "date": "2026-01-02",
        "machine": "a machine",
        "versions": {"torch": "2.13"},
        "model": "fast",
        "photographs": {"files": 40, "megapixels": 8.0},
        "measured": [
            {**row, **slow, "mp_per_s": 0.5, "times_slower": 10.0},
            {**row, "name": "upscaler run", "mp_per_s": 5.0, "times_slower": 1.0},
        ],
        "missing": {"other": "no such library"},
    }
    lines = generate.peers(result).splitlines()
    assert lines[2] == "| x2 | upscaler run | ours | 40 | 5.00 | 1.00x | 37.30 |"
    assert lines[3] == "| x2 | slow | ours | 3 | 0.50 | 10.00x |  |"
    assert "slow==1.0" in lines[5] and lines[6] == "Not run: other (no such library)."


def printed(path, command):
    text = path.read_text(encoding="utf-8")
    return re.search(f"<!-- {command} -->\n```\n(.*?)\n```\n<!-- end -->", text, re.DOTALL)[1]


def test_the_documents_show_what_doctor_and_bench_say():
    said = printed(DOCS / "guide" / "gpus.md", "upscaler doctor")
    for name in RUNTIMES:
        assert re.search(rf"^{name}: +(opens|missing|broken)", said, re.MULTILINE)
    for name in facts():
        assert f"{name}:" in said
    measured = printed(DOCS / "lab" / "measurements.md", "upscaler bench -s 2")
    assert re.search(r"cpu +\S* *fp32 .* 1\.00x .* same", measured)


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        page = path.parent / target if target else path
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), f"{target}#{anchor}"


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_code_that_a_page_names_is_there(path):
    folders = "upscaler|train|export|tests|benchmarks|docs"
    for name in re.findall(rf"\b(?:{folders})/[\w/]+\.py\b", path.read_text(encoding="utf-8")):
        assert (ROOT / name).is_file(), name


def anchors(page):
    """What the headings of a page are called in links."""
    heads = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((DOCS / "guide").glob("*.md"))], ids=lambda path: path.stem
)
def test_the_commands_of_the_guide_are_understood(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "held-out"):
        (tmp_path / folder).mkdir()
    root = commands.make_context("upscaler", [], resilient_parsing=True)
    lines = list(command_lines(path.read_text(encoding="utf-8")))
    assert lines
    for name, *arguments in lines:
        command = commands.get_command(root, name)
        assert command, name
        with contextlib.suppress(click.exceptions.Exit):  # as --help ends
            command.make_context(name, arguments, parent=root)


def test_the_page_on_scripting_names_every_field():
    text = (DOCS / "guide" / "scripting.md").read_text(encoding="utf-8")
    report = Summary(profile=Profile(1.0, dict.fromkeys(STAGES, 1.0))).as_report()
    types = (Result, RunRecord, Score, Measurement, Health)
    fields = {field.name for kind in types for field in dataclasses.fields(kind)}
    for name in {*report, *report["stages"], *fields} - {"event"}:
        assert f"`{name}`" in text, name


def command_lines(text):
    """The arguments of each call of `upscaler` in a page's blocks of commands."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            words = words[: words.index(">")] if ">" in words else words
            while words and re.match(r"[A-Z_]+=", words[0]):
                del words[0]
            if words[:1] == ["upscaler"]:
                yield words[1:]


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_left_to_be_filled_in(path):
    text = re.sub(r"`[^`]*`", "", path.read_text(encoding="utf-8"))
    assert not re.findall(r"^[A-Z]{4,}$|\b[A-Z]+_[A-Z0-9_]+\b", text, re.MULTILINE)


def test_every_sample_is_credited():
    credits = (ROOT / "samples" / "CREDITS.md").read_text(encoding="utf-8")
    pictures = [p.name for p in (ROOT / "samples").iterdir() if p.suffix != ".md"]
    assert len(pictures) >= 6
    for name in pictures:
        assert f"`{name}`" in credits
