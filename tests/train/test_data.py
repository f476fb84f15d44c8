import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.errors import UsageError
from upscaler.metrics import bicubic
from upscaler_train.data import Pair, PatchSampler, load_pairs


@pytest.fixture
def pairs(rng):
    sizes = [(40, 60), (64, 24), (8, 8)]
    highs = [rng.integers(0, 256, (2 * h, 2 * w, 3), np.uint8) for h, w in sizes]
    return [Pair(low=bicubic(high, 0.5), high=high) for high in highs]


def sampler(pairs, **changes):
    settings = {"scale": 2, "patch": 16, "batch": 6, "seed": 3} | changes
    return PatchSampler(pairs, **settings)


def test_the_small_twin_is_antialiased_bicubic(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "a.png")
    (pair,) = load_pairs(tmp_path, 4)
    np.testing.assert_array_equal(pair.high, photo[:36, :52])
    np.testing.assert_array_equal(pair.low, bicubic(photo[:36, :52], 0.25))


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="--set data"):
        load_pairs(tmp_path, 2)


def test_batches(pairs):
    low, high = sampler(pairs).draw()
    assert low.shape == (6, 3, 16, 16)
    assert high.shape == (6, 3, 32, 32)
    assert 0 <= low.min() and low.max() <= 1


def test_both_twins_are_cut_turned_and_permuted_alike(pairs):
    low, high = sampler(pairs, batch=40).draw()
    for small, large in zip(low.numpy(), high.numpy(), strict=True):
        image = np.rint(large.transpose(1, 2, 0) * 255).astype(np.uint8)
        again = bicubic(image, 0.5).transpose(2, 0, 1) / 255
        # away from the patch's edge, where the shrinking saw what the patch does not hold
        np.testing.assert_allclose(again[:, 3:-3, 3:-3], small[:, 3:-3, 3:-3], atol=10 / 255)


def test_small_images_are_left_out(pairs):
    assert len(sampler(pairs)) == 2
    with pytest.raises(UsageError, match="smaller than the patch"):
        sampler(pairs, patch=100)


def test_the_seed_decides(pairs):
    first, again, other = (sampler(pairs, seed=seed).draw()[0] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
