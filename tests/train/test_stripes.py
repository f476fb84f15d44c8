import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.errors import UsageError
from upscaler_train.data.pairs import load_dataset
from upscaler_train.data.stripes import SIDE, striped
from upscaler_train.recipe_file import from_table

GREY = np.full((300, 280, 3), 120, np.uint8)


def recipe(folder, **data):
    data = {"train": str(folder), "val": str(folder), **data}
    return from_table(
        {"name": "x", "network": {"scale": 3}, "schedule": {"steps": 1}, "data": data}
    )


def periods_per_pixel(picture):
    """The strongest frequency but the lowest ones, which are of the mask."""
    spectrum = np.abs(np.fft.rfft2(picture[..., 1] - picture[..., 1].mean()))
    down, right = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij")
    frequency = np.hypot(down, right)
    return frequency.flat[np.argmax(spectrum * (frequency > 0.02))]


def test_stripes_are_fine_and_lie_over_a_part_of_a_photograph(rng):
    pictures = list(striped([GREY], 12, rng))
    assert {(p.shape, str(p.dtype)) for p in pictures} == {((SIDE, SIDE, 3), "uint8")}
    untouched = [float(np.mean(picture == 120)) for picture in pictures]
    assert 0.2 < np.mean(untouched) < 0.6
    frequencies = [periods_per_pixel(picture) for picture in pictures]
    assert all(0.05 < frequency < 0.5 for frequency in frequencies)
    assert np.std(frequencies) > 0.03


def test_they_join_the_pictures_that_are_learnt_from_and_not_those_that_watch(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    first, again = (load_dataset(recipe(tmp_path, stripes=3)) for _ in range(2))
    assert (len(first.train), len(first.val)) == (4, 1)
    for one, other in zip(first.train, again.train, strict=True):
        np.testing.assert_array_equal(one.high, other.high)
    assert [pair.low.shape for pair in first.train] == [(100, 93, 3)] + 3 * [(85, 85, 3)]
    assert len({pair.high.tobytes() for pair in first.train}) == 4


def test_stripes_that_cannot_be_made_are_refused(tmp_path):
    Image.fromarray(GREY[:100]).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="data.stripes needs training pictures of 256x256"):
        load_dataset(recipe(tmp_path, stripes=1))
    with pytest.raises(
        UsageError, match="stripes and flat pictures need smaller pictures in colour"
    ):
        from_table(
            {
                "name": "x",
                "network": {"scale": 1},
                "schedule": {"steps": 1},
                "data": {"low": "same-size", "stripes": 1},
            }
        )
