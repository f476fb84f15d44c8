import os
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler import Upscaler
from upscaler.errors import ModelError, UsageError
from upscaler.quality.metrics import bicubic
from upscaler_train.data.pairs import Pair, load_dataset, load_pairs, ready_pairs
from upscaler_train.data.sampling import PatchSampler, PictureSampler, sampler_for, steps_per_epoch
from upscaler_train.recipe_file import from_table

CPU = torch.device("cpu")


@pytest.fixture
def pairs(rng):
    sizes = [(40, 60), (64, 24), (8, 8)]
    highs = [rng.integers(0, 256, (2 * h, 2 * w, 3), np.uint8) for h, w in sizes]
    return [Pair(bicubic(high, 0.5), high) for high in highs]


def sampler(pairs, **changes):
    settings = {"scale": 2, "patch": 16, "batch": 6, "seed": 3, "device": CPU} | changes
    return PatchSampler(pairs, **settings)


def recipe(scale=2, **data):
    return from_table(
        {"name": "x", "network": {"scale": scale}, "schedule": {"steps": 1}, "data": data}
    )


def test_the_small_picture_is_antialiased_bicubic(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "a.png")
    (pair,) = load_pairs(tmp_path, recipe(4))
    np.testing.assert_array_equal(pair.high, photo[:36, :52])
    np.testing.assert_array_equal(pair.low, bicubic(photo[:36, :52], 0.25))


def test_the_pair_of_the_same_size_is_shrunk_by_bicubic_and_enlarged_by_bilinear(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "a.png")
    (pair,) = load_pairs(tmp_path, recipe(1, low="same-size"))
    np.testing.assert_array_equal(pair.high, photo[:36, :52])
    small = Image.fromarray(bicubic(photo[:36, :52], 0.5))
    np.testing.assert_array_equal(pair.low, small.resize((52, 36), Image.Resampling.BILINEAR))


def test_grey_pairs_have_one_channel(tmp_path, photo):
    Image.fromarray(photo[:36, :52]).save(tmp_path / "a.png")
    table = {"name": "x", "schedule": {"steps": 1}, "data": {"grey": True, "low": "same-size"}}
    grey = from_table({**table, "network": {"family": "seed", "size": 36}})
    with pytest.raises(UsageError, match="a.png has 52x36 pixels, the network takes 36x36"):
        load_pairs(tmp_path, grey)
    Image.fromarray(photo[:36, :36]).save(tmp_path / "a.png")
    (pair,) = load_pairs(tmp_path, grey)
    assert pair.low.shape == pair.high.shape == (36, 36, 1)
    np.testing.assert_array_equal(pair.high[..., 0], Image.fromarray(photo[:36, :36]).convert("L"))


def test_a_teacher_is_mixed_into_what_is_learnt_and_not_into_what_is_measured(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "a.png")
    asked = {"train": str(tmp_path), "val": str(tmp_path), "teacher": "fast"}
    (plain,) = load_pairs(tmp_path, recipe(2, **asked))
    taught = load_dataset(recipe(2, teacher_share=0.25, **asked))
    drawn = Upscaler("fast", scale=2)(plain.low)
    np.testing.assert_allclose(taught.train[0].high, 0.75 * plain.high + 0.25 * drawn, atol=0.5)
    np.testing.assert_array_equal(taught.train[0].low, plain.low)
    np.testing.assert_array_equal(taught.val[0].high, plain.high)


def test_teachers_that_do_not_fit_are_refused(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "a.png")
    asked = {"train": str(tmp_path), "val": str(tmp_path)}
    with pytest.raises(UsageError, match="the teacher fast-x4 enlarges 4 times, x 2 times"):
        load_dataset(recipe(2, teacher="fast-x4", **asked))
    with pytest.raises(ModelError, match="no model nonesuch"):
        load_dataset(recipe(2, teacher="nonesuch", **asked))
    with pytest.raises(UsageError, match="a teacher needs small pictures, clean and in colour"):
        recipe(1, teacher="fast", low="same-size")


def test_degraded_pictures_watch_the_training_always_the_same(tmp_path, photo):
    for name in ("a.png", "b.png"):
        Image.fromarray(photo).save(tmp_path / name)
    folder = {"train": str(tmp_path), "val": str(tmp_path), "patch": 8}
    table = {"name": "x", "schedule": {"steps": 1}, "data": folder, "degradation": {"light": 1.0}}
    first, again = (load_dataset(from_table(table)) for _ in range(2))
    clean = bicubic(photo[:36, :52], 0.5)
    np.testing.assert_array_equal(first.train[0].low, clean)
    for one, other in zip(first.val, again.val, strict=True):
        np.testing.assert_array_equal(one.low, other.low)
        assert not np.array_equal(one.low, clean)
    assert not np.array_equal(first.val[0].low, first.val[1].low)


def test_flat_pictures_join(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "a.png")
    settings = recipe(4, train=str(tmp_path), val=str(tmp_path), flat=40)
    _, *flat = load_dataset(settings).train
    assert len(flat) == 40
    colours = [pair.high[0, 0] for pair in flat]
    for pair, colour in zip(flat, colours, strict=True):
        assert (pair.high == colour).all() and (pair.low == colour).all()
        assert pair.low.shape == (64, 64, 3)
    assert sum(np.ptp(colour) == 0 for colour in colours) >= 20
    assert {0, 255} <= set(np.concatenate(colours).tolist())


def test_ready_pairs_are_read_and_larger_ones_shrunk(tmp_path, photo):
    low, high = photo[:9, :12], photo[:36, :48]
    write_pair(tmp_path, "a.png", low, high)
    (pair,) = ready_pairs(tmp_path, recipe(4))
    np.testing.assert_array_equal(pair.low, low)
    np.testing.assert_array_equal(pair.high, high)
    (half,) = ready_pairs(tmp_path, recipe(2))
    np.testing.assert_array_equal(half.high, bicubic(high, 0.5))
    dataset = load_dataset(recipe(2, pairs=str(tmp_path), val_pairs=str(tmp_path)))
    np.testing.assert_array_equal(dataset.train[0].high, half.high)
    np.testing.assert_array_equal(dataset.val[0].low, low)


def test_colours_of_ready_pairs_stay(tmp_path):
    red = np.zeros((24, 24, 3), np.uint8)
    red[..., 0] = 200
    write_pair(tmp_path, "a.png", red[::2, ::2], red)
    settings = recipe(2, pairs=str(tmp_path), val_pairs=str(tmp_path), patch=8, batch=8)
    low, high = sampler_for(settings, load_dataset(settings).train).draw(0)
    for batch in (low, high):
        assert (batch[:, 0] > 0.7).all() and (batch[:, 1:] == 0).all()


def test_ready_pairs_that_do_not_fit_are_refused(tmp_path, photo):
    with pytest.raises(UsageError, match="no pairs in .* PNG files in low/ and high/"):
        ready_pairs(tmp_path, recipe(2))
    write_pair(tmp_path, "a.png", photo[:9, :12], photo[:18, :24])
    with pytest.raises(UsageError, match="high/a.png is not 4 or more times as large as low/"):
        ready_pairs(tmp_path, recipe(4))
    write_pair(tmp_path, "a.png", photo[:9, :12], photo[:18, :36])
    with pytest.raises(UsageError, match="high/a.png is not 2 or more times as large as low/"):
        ready_pairs(tmp_path, recipe(2))
    (tmp_path / "high" / "a.png").unlink()
    with pytest.raises(UsageError, match="high/a.png"):
        ready_pairs(tmp_path, recipe(2))


def write_pair(folder, name, low, high):
    for side, image in (("low", low), ("high", high)):
        (folder / side).mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / side / name)


def test_any_name_a_file_system_allows(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / os.fsdecode(b"caf\xe9.png"))
    assert len(load_pairs(tmp_path, recipe())) == 1


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="--set data"):
        load_pairs(tmp_path, recipe())


def test_batches(pairs):
    low, high = sampler(pairs).draw(0)
    assert low.shape == (6, 3, 16, 16)
    assert high.shape == (6, 3, 32, 32)
    assert 0 <= low.min() and low.max() <= 1


def test_both_pictures_are_cut_turned_and_permuted_alike(pairs):
    low, high = sampler(pairs, batch=40).draw(0)
    for small, large in zip(low.numpy(), high.numpy(), strict=True):
        image = np.rint(large.transpose(1, 2, 0) * 255).astype(np.uint8)
        again = bicubic(image, 0.5).transpose(2, 0, 1) / 255
        # away from the patch's edge, where the shrinking saw what the patch does not hold
        np.testing.assert_allclose(again[:, 3:-3, 3:-3], small[:, 3:-3, 3:-3], atol=10 / 255)


def test_small_images_are_left_out(pairs):
    pairs = [replace(pair, high=np.full_like(pair.high, n)) for n, pair in enumerate(pairs)]
    high = sampler(pairs, batch=60).draw(0)[1]
    assert set((high * 255).round().unique().int().tolist()) == {0, 1}
    with pytest.raises(UsageError, match="smaller than the patch"):
        steps_per_epoch(recipe(patch=100), pairs)


def test_the_seed_decides(pairs):
    draws = [(1, 0), (1, 0), (2, 0), (1, 1)]
    first, again, *others = (sampler(pairs, seed=seed).draw(step)[0] for seed, step in draws)
    assert (first == again).all()
    assert all((first != other).any() for other in others)


def test_pictures_come_as_often_as_they_have_pixels():
    """One that can be cut in one way only comes as often as its pixels are many."""
    sizes = [(16, 16), (16, 48), (64, 64)]
    highs = [np.full((2 * h, 2 * w, 3), 80 * n, np.uint8) for n, (h, w) in enumerate(sizes)]
    few = [Pair(bicubic(high, 0.5), high) for high in highs]
    draws = [sampler(few, batch=100).draw(step)[1] for step in range(20)]
    counts = np.bincount((torch.cat(draws)[:, 0, 0, 0] * 255 / 80).round().int().numpy())
    areas = np.array([h * w for h, w in sizes])
    np.testing.assert_allclose(counts / counts.sum(), areas / areas.sum(), atol=0.03)


def test_patches_come_in_all_eight_ways_and_all_orders_of_channels():
    low = np.arange(5 * 5 * 3, dtype=np.uint8).reshape(5, 5, 3)
    pair = Pair(low, low.repeat(2, axis=0).repeat(2, axis=1))
    drawn = sampler([pair], patch=5, batch=400).draw(0)[0].numpy().transpose(0, 2, 3, 1) * 255
    turned = [np.rot90(side, turns) for side in (low, low[:, ::-1]) for turns in range(4)]
    orders = list(permutations(range(3)))
    possible = {image[..., list(order)].tobytes() for image in turned for order in orders}
    assert len(possible) == 48
    assert {image.tobytes() for image in np.rint(drawn).astype(np.uint8)} == possible


def test_workers_share_a_batch(pairs):
    whole = sampler(pairs).draw(4)
    parts = [sampler(pairs).draw(4, worker=number, workers=2) for number in (0, 1)]
    for side in (0, 1):
        assert torch.equal(whole[side][0::2], parts[0][side])
        assert torch.equal(whole[side][1::2], parts[1][side])


def test_whole_pictures_come_once_an_epoch():
    pairs = [Pair(high, high) for high in (np.full((4, 4, 3), n, np.uint8) for n in range(7))]
    whole = PictureSampler(pairs, batch=3, seed=1, device=CPU)

    def seen(steps):
        drawn = torch.cat([whole.draw(step)[0][:, 0, 0, 0] for step in steps])
        return drawn.mul(255).round().int().tolist()

    first, second = seen(range(3)), seen(range(3, 6))
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second


def test_whole_pictures_of_several_sizes_are_refused(pairs):
    with pytest.raises(UsageError, match="all of one size"):
        steps_per_epoch(recipe(patch=0), pairs)
    assert steps_per_epoch(recipe(patch=0, batch=2), pairs[:1]) == 1
