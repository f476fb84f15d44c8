"""A file of weights is converted once; how the converter's process may end."""

import json
import sys

import onnx
import pytest

from upscaler.errors import ModelError
from upscaler.models import conversion, find_model
from upscaler.models.conversion import FACTS_KEY, REFUSED, STEPS, Facts

VERSIONS = {"spandrel": "1", "torch": "2"}
FACTS = Facts("Tiny", 4, STEPS[0], 0.0, {"fp32": 0.0, "bf16": 0.01}, VERSIONS)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def converter(monkeypatch, tmp_path):
    """Let a script do the work; it gets `path, step, target, memory`, and notes its steps."""
    monkeypatch.setattr(conversion, "find_spec", lambda name: name)
    monkeypatch.setattr(conversion, "_versions", lambda: FACTS.versions)
    monkeypatch.setattr(conversion, "_LOG", conversion.logging.getLogger("silent"))

    def be(body):
        script = tmp_path / "converter.py"
        script.write_text(
            "import os, shutil, sys\n"
            "path, step, target, memory = sys.argv[1:]\n"
            f"print(step, file=open({str(tmp_path / 'steps')!r}, 'a'))\n{body}"
        )
        monkeypatch.setattr(conversion, "CONVERT", [sys.executable, str(script)])

    return be


@pytest.fixture
def steps(tmp_path):
    return lambda: (tmp_path / "steps").read_text().splitlines()


@pytest.fixture
def copying(enlarger):
    """Code that writes a converted model of scale 2."""
    source = enlarger(scale=2)
    model = onnx.load(source)
    onnx.helper.set_model_props(model, {FACTS_KEY: FACTS.to_json()})
    onnx.save(model, source)
    return f"shutil.copy({str(source)!r}, target)\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.pth"
    path.write_bytes(b"weights")
    return path


def reason(path):
    with pytest.raises(ModelError) as error:
        find_model(str(path), 2)
    message = str(error.value)
    assert error.value.exit_code == 3 and "\n" not in message and str(path) in message
    return message


def kept(tmp_path):
    folder = tmp_path / "cache" / "upscaler" / "converted"
    return sorted(item.name for item in folder.iterdir())


def test_it_is_converted_once_and_known_by_its_content(converter, copying, file, steps, tmp_path):
    converter(copying)
    model = find_model(str(file), 2)
    assert (model.spec.name, model.spec.scale) == ("mine", 2)
    assert model.spec.alignment == FACTS.alignment
    assert model.spec.precision_loss == FACTS.precision_loss
    other = file.rename(tmp_path / "other.PTH")
    again = find_model(str(other), 2)
    assert again.spec.name == "other" and again.path == model.path
    assert steps() == [STEPS[0]] and len(kept(tmp_path)) == 1


def test_other_weights_are_converted_anew(converter, copying, file, steps):
    converter(copying)
    conversion.converted(file)
    file.write_bytes(b"other weights")
    conversion.converted(file)
    assert len(steps()) == 2


def test_what_was_converted_needs_no_extra_and_no_torch(converter, copying, file, monkeypatch):
    converter(copying)
    first = conversion.converted(file)
    monkeypatch.setattr(conversion, "find_spec", lambda name: None)
    monkeypatch.setattr(conversion, "_versions", lambda: None)
    assert conversion.converted(file) == first


def test_other_versions_convert_anew(converter, copying, file, monkeypatch, steps):
    converter(copying)
    conversion.converted(file)
    monkeypatch.setattr(conversion, "_versions", lambda: {**FACTS.versions, "spandrel": "2"})
    conversion.converted(file)
    assert len(steps()) == 2


def test_a_damaged_file_in_the_cache_is_made_again(converter, copying, file, steps):
    converter(copying)
    made = conversion.converted(file)
    made.path.write_bytes(b"damaged")
    assert conversion.converted(file) == made and len(steps()) == 2


def test_without_the_extra_it_says_the_line_that_brings_it(file, monkeypatch, tmp_path):
    monkeypatch.setattr(conversion, "find_spec", lambda name: None)
    assert conversion.INSTALL in reason(file)
    assert kept(tmp_path) == []


def test_the_next_step_is_tried_when_one_ends_its_process(converter, copying, file, steps):
    converter(f"os.abort() if step == {STEPS[0]!r} else {copying}")
    assert find_model(str(file), 2).spec.scale == 2
    assert steps() == list(STEPS[:2])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("os.abort()", "its process ended by SIGABRT"),
        ("sys.exit('one reason\\nanother')", "another"),
        ("os._exit(7)", "its process ended with 7"),
    ],
)
def test_when_no_step_is_right_all_are_named_and_nothing_is_kept(
    converter, file, steps, tmp_path, body, said
):
    converter(body)
    message = reason(file)
    assert all(f"{step}: {said}" in message for step in STEPS)
    assert steps() == list(STEPS) and kept(tmp_path) == []


def test_a_file_that_is_refused_is_tried_once(converter, file, steps, tmp_path):
    converter(f"print('is a program', file=sys.stderr); sys.exit({REFUSED})")
    assert "is a program" in reason(file)
    assert len(steps()) == 1 and kept(tmp_path) == []


def test_a_step_that_hangs_is_ended(converter, file, monkeypatch):
    monkeypatch.setattr(conversion, "TIME_LIMIT", 1.0)
    monkeypatch.setattr(conversion, "STEPS", STEPS[:1])
    converter("import time; time.sleep(60)")
    assert "more than 1 s" in reason(file)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(ModelError, match="No such file"):
        find_model(str(tmp_path / "none.pth"), 2)


def test_a_converted_file_that_cannot_be_used_is_named_as_the_person_named_it(
    converter, file, saved
):
    source = saved([onnx.helper.make_node("Softmax", ["x"], ["y"])])
    model = onnx.load(source)
    onnx.helper.set_model_props(model, {FACTS_KEY: json.dumps(vars(FACTS))})
    onnx.save(model, source)
    converter(f"shutil.copy({str(source)!r}, target)\n")
    assert "upscaler/converted" not in reason(file)
