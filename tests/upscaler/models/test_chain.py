"""Several models one after the other, in memory."""

import numpy as np
import pytest

from upscaler import Upscaler
from upscaler.errors import ModelError, UsageError
from upscaler.models import find_models


@pytest.fixture
def restorer(enlarger, tmp_path):
    """Save a model of scale 1."""
    path = tmp_path / "clean.onnx"
    enlarger(scale=1).rename(path)
    return str(path)


def test_a_picture_goes_through_one_after_the_other(restorer, photo):
    photo = photo[:36, :52]  # an odd size is mirrored to an even one first, not in between
    chain = Upscaler([restorer, "fast"], scale=2, runtime="cpu", precision="fp32")
    assert chain.model.title == "clean-x1 + fast-x2"
    first = Upscaler(restorer, scale=1, runtime="cpu")(photo)
    expected = Upscaler("fast", scale=2, runtime="cpu", precision="fp32")(first)
    # between the two, the chain does not round
    assert np.abs(chain(photo).astype(int) - expected).max() <= 3


def test_its_tiles_make_the_whole_picture(restorer, enlarger, photo):
    models = [str(enlarger(scale=2)), restorer, "fast"]
    spec = find_models(models, 4).spec
    assert (spec.scale, spec.alignment) == (4, 1)
    assert spec.halo == 2 + 1 + 5  # 2 pixels after an enlargement by 2 are 1 before it
    whole, tiled = (
        Upscaler(models, scale=4, runtime="cpu", precision="fp32", tile=tile)(photo)
        for tile in (None, 8)
    )
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_the_command_takes_several(restorer, tmp_path, command, folder):
    given = ("run", folder, tmp_path / "out", "-s", 2, "-m", restorer, "-m", "fast")
    code, _, err = command(*given)
    assert code == 0, err
    assert "clean-x1 + fast-x2" in err
    assert "3 already done" in command(*given)[1]


def test_too_small_chains_are_refused(restorer, enlarger):
    with pytest.raises(ModelError, match="enlarge 2 times, not 4; add --scale 2"):
        find_models([restorer, str(enlarger(scale=2))], 4)
    with pytest.raises(UsageError, match="--restore goes with one"):
        find_models([restorer, "balanced"], 4, restore=0.5)
