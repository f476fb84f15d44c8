import json

import pytest

from upscaler.errors import ModelError
from upscaler.models.spec import Architecture, ModelSpec, Trained, Training

SPEC = ModelSpec(
    name="tiny",
    scale=3,
    architecture=Architecture(scale=3, widths=(8, 16)),
    halo=4,
    alignment=2,
    training=Training(data="noise", steps=7),
    quality={"Set5": 30.5},
)


def test_survives_json():
    assert ModelSpec.from_json(SPEC.to_json()) == SPEC
    trained = Trained("tiny", SPEC.architecture, SPEC.training)
    assert Trained.from_json(trained.to_json()) == trained


def test_title():
    assert SPEC.title == "tiny-x3"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x"}', "null"])
def test_other_text_is_refused(text):
    with pytest.raises(ModelError, match="export it again"):
        ModelSpec.from_json(text)


@pytest.mark.parametrize(
    "change", [{"scale": 0}, {"halo": -1}, {"alignment": 0}, {"channels": 1}, {"odd": 1}]
)
def test_impossible_values_are_refused(change):
    facts = json.loads(SPEC.to_json()) | change
    with pytest.raises(ModelError, match="export it again"):
        ModelSpec.from_json(json.dumps(facts))
