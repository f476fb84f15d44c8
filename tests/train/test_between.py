"""Weights between a training and its start."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.errors import UsageError
from upscaler_train.training.between import between


def test_the_share_is_the_trainings():
    start, trained = {"a": torch.zeros(2)}, {"a": torch.ones(2)}
    assert between(trained, start, 0.75)["a"].tolist() == [0.75, 0.75]


def test_a_context_grows_by_what_adds_it_alone():
    trained = {"body.context.up.weight": torch.ones(2), "body.context.down.weight": torch.ones(2)}
    mixed = between(trained, {}, 0.5)
    assert mixed["body.context.up.weight"].tolist() == [0.5, 0.5]
    assert mixed["body.context.down.weight"].tolist() == [1, 1]


def test_other_networks_are_refused():
    with pytest.raises(UsageError, match="a is"):
        between({"a": torch.ones(2)}, {"a": torch.ones(3)}, 0.5)
