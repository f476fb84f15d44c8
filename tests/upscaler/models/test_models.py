import hashlib
import re

import onnx
import pytest

from upscaler.errors import ModelError
from upscaler.models import FOLDER, default_scale, find_model, packaged_models, read_model
from upscaler.models.graph.metadata import read_metadata

MODELS = packaged_models()

SCALES = {
    "balanced": (2, 3, 4),
    "fast": (2, 3, 4),
    "photo": (2, 4),
    "quality": (2, 3, 4),
}

SIZE = 30e6
"""Bytes of all models together: a package that a slow line still downloads in a minute."""


def test_each_model_is_packaged_at_its_scales():
    titles = [f"{name}-x{scale}" for name, scales in SCALES.items() for scale in scales]
    assert [model.spec.title for model in MODELS] == titles
    assert sum(path.stat().st_size for path in FOLDER.glob("*.onnx")) < SIZE


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.spec.title)
def test_each_model_has_a_true_card(model):
    card = model.path.with_suffix(".md").read_text(encoding="utf-8")
    spec = model.spec
    for fact in (spec.weights_sha256, f"{spec.training.steps:,} steps", spec.training.machine):
        assert fact and fact in card
    assert spec.quality and spec.training.data in card
    for value in spec.quality.values():
        assert f"{value:.2f}" in card
    beside = {path.name for path in FOLDER.glob(f"{spec.title}.*.onnx")}
    assert set(re.findall(r"[\w.-]+\.onnx", card)) == beside


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.spec.title)
def test_metadata_is_what_the_onnx_library_reads(model):
    entries = onnx.load(model.path).metadata_props
    assert read_metadata(model.path.read_bytes()) == {item.key: item.value for item in entries}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.spec.title)
def test_models_carry_nothing_of_the_machine_they_were_made_on(model):
    raw = model.path.read_bytes()
    assert b"site-packages" not in raw and b"forward" not in raw


def test_sha256_is_of_the_file():
    path = FOLDER / "fast-x2.onnx"
    assert find_model("fast", 2).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("content", [b"", b"GIF89a...", b"\x08\x08", b"\x72\xff\xff\xff\xff\x0f"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.onnx"):
        read_model(path)


def test_truncation_at_any_byte_never_crashes(tmp_path):
    whole = (FOLDER / "fast-x2.onnx").read_bytes()
    path = tmp_path / "cut.onnx"
    for size in range(0, len(whole), 20011):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError):
            read_model(path)


def test_a_model_may_be_called_with_its_scale():
    assert find_model("fast-x2", 2) == find_model("fast", 2)


def test_a_model_by_path_must_have_the_asked_scale():
    with pytest.raises(ModelError, match="--scale 2"):
        find_model(str(FOLDER / "fast-x2.onnx"), 4)


@pytest.mark.parametrize("name", ["../fast", "nonesuch", ""])
def test_unknown_names(name):
    titles = ", ".join(model.spec.title for model in MODELS)
    with pytest.raises(ModelError, match=f"there are: auto, {titles}, or"):
        find_model(name, 2)


def test_a_title_brings_its_scale_and_a_name_the_default():
    assert [default_scale(name) for name in ("fast-x2", "fast-x3", "fast", "nothing")] == [
        2,
        3,
        4,
        4,
    ]
