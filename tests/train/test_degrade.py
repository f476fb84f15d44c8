import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.quality.metrics import bicubic
from upscaler_train.data.degrade import degraded, lightly, roughly
from upscaler_train.data.fresh import FreshSampler
from upscaler_train.data.pairs import Pair
from upscaler_train.recipe import DegradationSettings
from upscaler_train.recipe_file import from_table

CPU = torch.device("cpu")


@pytest.fixture
def high():
    """Smooth, with an edge each way: what is moved by half a pixel shows."""
    y, x = np.mgrid[0:192, 0:256]
    picture = np.stack([127 + 60 * np.sin(x / 20), 127 + 60 * np.cos(y / 30), (x + y) / 2], axis=2)
    picture[60:120, 80:180] += 40
    return picture.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("scale", [2, 4])
def test_rough_pictures_lie_where_the_clean_one_lies_and_keep_its_colour(high, scale, rng):
    clean = bicubic(high, 1 / scale)
    settings = DegradationSettings(noise=10, least_quality=60)
    sums = np.zeros(3)
    for _ in range(24):
        low = roughly(high, clean.shape[:2], settings, rng)
        assert (low.shape, low.dtype) == (clean.shape, np.uint8)
        difference = low.astype(float) - clean
        assert 0.1 < np.abs(difference).mean() < 14
        assert np.abs(difference.mean(axis=(0, 1))).max() < 1.5
        sums += [
            np.mean((np.roll(low, (across, across), (0, 1)) - clean.astype(float)) ** 2)
            for across in (-1, 0, 1)
        ]
    assert sums[1] < min(sums[0], sums[2])


def test_light_pictures_are_as_sharp_as_the_clean_one(high, rng):
    clean = bicubic(high, 0.25)
    settings = DegradationSettings(noise=4, least_quality=90)
    mean = np.mean([lightly(clean, settings, rng) for _ in range(60)], axis=0)
    assert np.abs(mean - clean).mean() < 1  # what is random goes, and nothing was softened


def test_shares_are_held(high, rng):
    clean = bicubic(high, 0.25)
    settings = DegradationSettings(light=0.3, rough=0.4)
    lows = [degraded(high, clean, settings, rng) for _ in range(200)]
    assert 40 <= sum(np.array_equal(low, clean) for low in lows) <= 85
    only_light = DegradationSettings(
        light=1.0, noise=0.0, least_quality=100, most_quality=100, webp=0.0
    )
    worst = max(
        np.abs(degraded(high, clean, only_light, rng).astype(int) - clean).mean() for _ in range(20)
    )
    assert worst < 3


def test_noise_of_each_kind_has_its_strength_and_grey_stays_grey(rng):
    grey = np.full((64, 64, 3), 128, np.uint8)
    for share in ({"grey": 1.0, "poisson": 0.0}, {"grey": 0.0, "poisson": 1.0}):
        settings = DegradationSettings(
            noise=20.0, least_quality=100, most_quality=100, webp=0.0, **share
        )
        spreads = [lightly(grey, settings, rng).astype(float).std(axis=(0, 1)) for _ in range(40)]
        assert 10 < np.max(spreads) < 22  # less than 20 where JPEG halves the colour
        if share["grey"]:
            assert max(np.ptp(spread) for spread in spreads) < 1


@pytest.fixture
def pairs(high):
    return [Pair(bicubic(picture, 0.5), picture) for picture in (high, high[:100, :90])]


def recipe(**run):
    return from_table(
        {
            "name": "x",
            "schedule": {"steps": 1},
            "data": {"patch": 24, "batch": 6},
            "degradation": {"light": 0.4, "rough": 0.4},
            "run": {"seed": 5, **run},
        }
    )


@pytest.mark.parametrize("processes", [0, 1])
def test_a_patch_is_a_function_of_seed_and_step(pairs, processes):
    settings = recipe(processes=processes)
    one, other = (FreshSampler(pairs, settings, CPU) for _ in range(2))
    batches = [one.draw(step) for step in (4, 5, 6)]
    low, high = other.draw(6)
    torch.testing.assert_close(low, batches[2][0], rtol=0, atol=0)
    torch.testing.assert_close(high, batches[2][1], rtol=0, atol=0)
    assert not torch.equal(low, batches[1][0])
    assert not torch.equal(low, FreshSampler(pairs, recipe(seed=6, processes=0), CPU).draw(6)[0])
    assert (low.shape, high.shape) == ((6, 3, 24, 24), (6, 3, 48, 48))


def test_processes_share_a_batch(pairs):
    settings = recipe(processes=0)
    whole = FreshSampler(pairs, settings, CPU).draw(3)[0]
    parts = [FreshSampler(pairs, settings, CPU).draw(3, worker=n, workers=2)[0] for n in (0, 1)]
    torch.testing.assert_close(whole[0::2], parts[0], rtol=0, atol=0)
    torch.testing.assert_close(whole[1::2], parts[1], rtol=0, atol=0)


def test_clean_patches_are_turned_as_their_large_ones_are(pairs):
    table = {"name": "x", "schedule": {"steps": 1}, "data": {"patch": 24, "batch": 40}}
    settings = {"light": 1e-9}  # which acts, and is never drawn
    sampler = FreshSampler(pairs, from_table({**table, "degradation": settings}), CPU)
    for low, high in zip(*sampler.draw(0), strict=True):
        small = high.reshape(3, 24, 2, 24, 2).mean(dim=(2, 4))
        inside = (slice(None), slice(2, -2), slice(2, -2))
        error = (low - small)[inside].abs().mean()
        wrong = [(turned - small)[inside].abs().mean() for turned in _others(low)]
        assert error < 0.02 and error < min(wrong)


def _others(patch):
    upright = [patch, patch.transpose(1, 2)]
    flips = [(), (1,), (2,), (1, 2)]
    return [image.flip(axes) for image in upright for axes in flips][1:]
