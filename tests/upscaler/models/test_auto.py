"""What `auto` is, and how it decides."""

import pytest

from upscaler.errors import ModelError
from upscaler.models import DEFAULT_MODEL, find_model, restoration
from upscaler.models.restoration import Restoration, restoration_for
from upscaler.quality.damage import Damage


def test_it_is_the_default():
    assert DEFAULT_MODEL == "auto"
    assert find_model("auto", 4).title == "auto-x4"


def test_a_clean_picture_is_left_to_the_clean_model():
    assert restoration_for(Damage()) == Restoration(0.0, "looks clean")
    assert str(restoration_for(Damage(jpeg_quality=99))) == "not restored: JPEG quality about 99"
    assert find_model("auto", 4).clean == find_model("balanced", 4)


def test_more_damage_is_restored_no_less():
    for kind, values in (("jpeg_quality", range(100, 4, -1)), ("noise", range(40))):
        strengths = [restoration_for(Damage(**{kind: value})).strength for value in values]
        assert strengths == sorted(strengths)
        assert strengths[0] == 0 and strengths[-1] == 1


def test_the_worst_damage_decides():
    found = restoration_for(Damage(jpeg_quality=30, noise=3.0, blurred=True))
    assert found.strength == 1
    assert str(found) == (
        "restored: JPEG quality about 30, noise of about 3 of 255, nothing in it is sharp"
    )


def test_who_says_how_much_leaves_nothing_to_look_for():
    assert find_model("auto", 2, 0.5) == find_model("balanced", 2, 0.5)
    assert find_model("auto", 2, 1) == find_model("photo", 2)


def test_the_smallest_networks_that_are_large_enough():
    model = find_model("auto", 3)
    assert (model.spec.scale, model.largest_scale) == (3, 4)
    assert model.restorer.spec.scale == 4
    with pytest.raises(ModelError, match="up to 16 times, not 17"):
        find_model("auto", 17)


def test_new_rules_are_other_settings(monkeypatch):
    before = find_model("auto", 2).sha256
    monkeypatch.setattr(restoration, "_NOISE", 5.0)
    assert find_model("auto", 2).sha256 != before
    assert before not in (find_model("balanced", 2).sha256, find_model("photo", 2).sha256)
