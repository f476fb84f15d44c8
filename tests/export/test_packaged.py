"""The packaged models are what their checkpoints hold."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the [export] extra")

from upscaler.models import find_model
from upscaler_export.checkpoint import read_checkpoint
from upscaler_export.export import rounded, weights_sha256

CHECKPOINTS = sorted((Path(__file__).parents[2] / "train" / "checkpoints").glob("*.safetensors"))


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_the_weights_are_those_that_were_trained(path):
    network, trained = read_checkpoint(path)
    spec = find_model(trained.name, trained.architecture.scale).spec
    assert spec.title == path.stem
    assert spec.weights_sha256 == weights_sha256(rounded(network))
    assert spec.training == trained.training
