"""Factors that no packaged network makes."""

import pytest

from upscaler.errors import ModelError
from upscaler.models import find_model
from upscaler.models.auto import auto_model


@pytest.mark.parametrize(
    ("name", "scale", "title"),
    [
        ("fast", 4, "fast-x4"),
        ("fast", 4.5, "fast-x4 + fast-x2"),
        ("fast", 8, "fast-x4 + fast-x2"),
        ("fast", 9, "fast-x4 + fast-x3"),
        ("fast", 16, "fast-x4 + fast-x4"),
        ("photo", 8, "photo-x4 + balanced-x2"),
    ],
)
def test_more_than_one_network_makes_is_made_in_two_passes(name, scale, title):
    model = find_model(name, scale)
    assert model.title == title and model.spec.scale >= scale


@pytest.mark.parametrize(
    ("name", "scale", "reason"),
    [
        ("fast", 16.5, "fast enlarges up to 16 times, not 16.5"),
        ("photo", 20, "photo enlarges up to 16 times, not 20"),
        ("fast-x2", 4, "no model fast-x2 for scale 4; there are"),
        ("nonesuch", 8, "no model nonesuch; there are"),
    ],
)
def test_what_two_passes_do_not_make_is_refused(name, scale, reason):
    with pytest.raises(ModelError, match=reason):
        find_model(name, scale)


def test_auto_restores_in_the_first_pass_only():
    auto = auto_model(8)
    assert (auto.title, auto.clean.title) == ("auto-x8", "balanced-x4 + balanced-x2")
    assert auto.restorer.title == "photo-x4 + balanced-x2"


@pytest.mark.parametrize("title", ["fast-x2", "balanced-x4"])
def test_a_title_is_one_network(title):
    assert find_model(title, int(title[-1])).spec.architecture is not None
