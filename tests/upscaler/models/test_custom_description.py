"""What an ONNX file says of itself is taken only if it is true."""

import dataclasses
import sys

import numpy as np
import onnx
import pytest

from upscaler.models import FOLDER, custom, find_model
from upscaler.models.probe import encode
from upscaler.models.spec import METADATA_KEY


def described(path, **wrong):
    """Write into a file what it is, or what it is not."""
    spec, model = custom.inspect(path), onnx.load(path)
    said = dataclasses.replace(spec, **wrong)
    onnx.helper.set_model_props(model, {METADATA_KEY: said.to_json()})
    onnx.save(model, path)
    return path


def test_a_description_that_is_true_is_taken(enlarger):
    path = described(enlarger(), name="other")
    assert find_model(str(path), 2).spec.name == "other"


@pytest.mark.parametrize("wrong", [{"halo": 1}, {"alignment": 2}, {"halo": 4000}])
def test_a_description_that_the_graph_contradicts_is_refused(enlarger, wrong, refused):
    said = refused(described(enlarger(), **wrong))
    assert "says of itself" in said and "export it again" in said


@pytest.mark.parametrize("scale", [1, 3, 4])
def test_a_description_of_another_scale_is_refused(enlarger, scale, held, refused):
    assert "says of itself" in refused(described(enlarger(), scale=scale), scale=scale)
    held("an ONNX file that lies about its scale", 1, "refused with the reason, exit 3")


def test_a_description_with_another_probe_is_refused(enlarger, refused):
    other = encode(np.zeros((1, 3, 48, 48), np.float32))
    assert "another picture of the probe" in refused(described(enlarger(), probe=other))


def test_a_description_does_not_spare_the_trial(enlarger, monkeypatch, refused):
    path = described(enlarger())  # which was tried before it had one: that is another file
    monkeypatch.setattr(custom, "TRIAL", [sys.executable, "-c", "raise SystemExit('no')"])
    assert refused(path) == f"{path} cannot be used: no"


def test_a_packaged_model_is_trusted_by_its_path_too(monkeypatch):
    monkeypatch.setattr(custom, "TRIAL", [sys.executable, "-c", "raise SystemExit('no')"])
    assert find_model(str(FOLDER / "fast-x2.onnx"), 2) == find_model("fast", 2)


def test_a_packaged_model_is_what_its_graph_says():
    spec = find_model("fast", 2).spec
    found = custom.inspect(FOLDER / "fast-x2.onnx")
    assert (found.scale, found.halo, found.alignment) == (2, spec.halo, spec.alignment)
