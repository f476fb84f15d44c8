"""`upscaler models`: what is packaged, with its speed here."""

import json

import pytest

from upscaler.models import packaged_models


def listed(command):
    code, out, _ = command("models", "--json")
    assert code == 0
    return [json.loads(line) for line in out.splitlines()]


def test_models_says_how_fast_each_is_here(command, monkeypatch):
    few = [model for model in packaged_models() if model.spec.name == "fast"][:2]
    monkeypatch.setattr("upscaler.models.packaged_models", lambda: few)
    models = listed(command)
    assert [(m["model"], m["scale"]) for m in models] == [(m.spec.name, m.spec.scale) for m in few]
    assert all(m["speed"]["megapixels_per_second"] > 0 for m in models)
    assert "MP/s here" in command("models", "--measure")[1]


def test_models_says_at_once_what_each_is_for(command, monkeypatch):
    def measured(model):
        raise AssertionError(f"{model} is measured")

    monkeypatch.setattr("upscaler.measure.bench.megapixels_per_second", measured)
    code, out, _ = command("models")
    assert code == 0
    for name in ("auto", *{model.spec.name for model in packaged_models()}):
        line = next(line for line in out.splitlines() if f" {name} " in line)
        assert "your own" not in line
    assert "removes blocks" in out and "2, 3, 4" in out


@pytest.mark.slow
def test_models_lists_what_is_packaged(command):
    names = [(model.spec.name, model.spec.scale) for model in packaged_models()]
    assert [(m["model"], m["scale"]) for m in listed(command)] == names
