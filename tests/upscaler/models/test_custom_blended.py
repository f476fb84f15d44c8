"""Models whose tiles cannot be exact: blended, with what was measured said in a line."""

import numpy as np
import pytest
from onnx import helper

from upscaler import Upscaler
from upscaler.errors import ModelError, UsageError
from upscaler.models import find_model

node = helper.make_node
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}


@pytest.fixture
def looking(saved):
    """Save a model that adds a part of the picture's mean to each pixel, and doubles it."""

    def save(**more):
        nodes = [
            node("GlobalAveragePool", ["x"], ["mean"]),
            node("Mul", ["mean", "part"], ["m"]),
            node("Mul", ["x", "rest"], ["r"]),
            node("Add", ["r", "m"], ["a"]),
            node("Resize", ["a", "", "scales"], ["y"], nearest_mode="floor", **NEAREST),
        ]
        weights = {"part": np.float32(0.3), "rest": np.float32(0.7)}
        return saved(nodes, {**weights, "scales": np.array([1, 1, 2, 2], np.float32)}, **more)

    return save


@pytest.fixture
def sloping():
    """A picture whose left is darker than its right, large enough for several tiles."""
    pixels = np.broadcast_to(np.linspace(20, 235, 300)[None, :, None], (140, 300, 3))
    return np.ascontiguousarray(pixels).astype(np.uint8)


def test_its_tiles_fade_into_each_other(looking, sloping):
    upscaler = Upscaler(str(looking()), scale=2, runtime="cpu", tile=96)
    tiling = upscaler.model.spec.tiling
    assert tiling.kind == "feathered" and tiling.deviation > 1
    assert f"{tiling.deviation:g} of 255" in upscaler.tiling_note
    rows = upscaler(sloping).astype(int)[100, :, 0]
    assert np.abs(np.diff(rows)).max() <= 3  # the tiles' means differ by 15


def test_the_order_of_its_tiles_does_not_matter(looking, sloping):
    one, four = (
        Upscaler(str(looking()), scale=2, runtime="cpu", tile=64, streams=streams)(sloping)
        for streams in (1, 4)
    )
    np.testing.assert_array_equal(one, four)


def test_without_tiles_it_is_exact(looking, sloping):
    upscaler = Upscaler(str(looking()), scale=2, runtime="cpu", tile=None, exact=True)
    expected = 0.7 * sloping.astype(float) + 0.3 * sloping.mean((0, 1))
    assert np.abs(upscaler(sloping)[::2, ::2] - expected).max() <= 1
    assert upscaler.tiling_note is None


def test_exact_refuses_it(looking, folder, tmp_path, command):
    with pytest.raises(ModelError, match="--tile none"):
        Upscaler(str(looking()), scale=2, runtime="cpu", exact=True)
    code, _, err = command("run", folder, tmp_path / "o", "-m", looking(), "-s", 2, "--exact")
    assert code == 3 and "--exact refuses that" in err


def test_a_run_says_what_was_measured(looking, folder, tmp_path, command):
    code, _, err = command("run", folder, tmp_path / "out", "-m", looking(), "-s", "2")
    assert code == 0 and "of 255 from the whole picture" in err


def test_memory_says_how_large_its_tiles_are(looking):
    sides = []
    for memory in (20 << 20, 2 << 30):
        upscaler = Upscaler(str(looking()), scale=2, runtime="cpu", memory=memory, streams=2)
        sides.append(upscaler._enlargers.first.tile)
    assert sides[0] < sides[1]


def test_one_size_only(looking, sloping):
    upscaler = Upscaler(str(looking(shape=[1, 3, 96, 128])), scale=2, runtime="cpu")
    assert upscaler.model.spec.tiling.size == (96, 128)
    assert "128x96 pixels only" in upscaler.tiling_note
    for picture in (sloping, sloping[:5, :7], sloping[:96, :128]):
        assert upscaler(picture).shape == (2 * picture.shape[0], 2 * picture.shape[1], 3)
    with pytest.raises(UsageError, match="128x96"):
        Upscaler(str(looking(shape=[1, 3, 96, 128])), scale=2, runtime="cpu", tile=None)


def test_a_halo_that_is_measured(saved, drawn, photo):
    """A far look that hardly matters: 96 pixels by the graph, and next to nothing after 1."""
    far = np.zeros((3, 3, 3, 3), np.float32)
    for channel in range(3):
        far[channel, channel, 1, 1], far[channel, channel, 0, 0] = 1, 1e-4
    nodes = [
        node("Conv", ["x", "far"], ["a"], dilations=[96, 96], pads=[96, 96, 96, 96]),
        node("Resize", ["a", "", "scales"], ["y"], nearest_mode="floor", **NEAREST),
    ]
    path = str(saved(nodes, {"far": far, "scales": np.array([1, 1, 2, 2], np.float32)}))
    spec = find_model(path, 2).spec
    assert (spec.halo, spec.tiling.kind) == (16, "measured") and spec.tiling.deviation <= 0.5
    whole, tiled = (Upscaler(path, scale=2, runtime="cpu", tile=tile)(photo) for tile in (None, 16))
    assert np.abs(whole.astype(int) - tiled).max() <= 1
