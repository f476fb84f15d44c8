"""A picture is looked at in a few places, whatever it is and however it is read."""

import numpy as np
import pytest
from PIL import Image

from upscaler.images import Picture, open_picture, open_rows
from upscaler.inference import look
from upscaler.inference.look import look_at, look_at_rows
from upscaler.quality.damage import Damage


@pytest.fixture
def noisy(rng):
    """A picture of 300 x 1000 pixels, larger than what is looked at."""
    y, x = np.mgrid[0:300, 0:1000]
    waves = 128 + 60 * np.sin(x / 40) * np.cos(y / 30)
    return np.clip(waves[..., None] + rng.normal(0, 10, (300, 1000, 3)), 0, 255).astype(np.uint8)


def test_depth_and_transparency_change_nothing(noisy):
    expected = look_at(Picture(noisy))
    assert expected.noise == pytest.approx(10, rel=0.15)
    assert look_at(Picture(noisy.astype(np.uint16) * 257)) == expected
    assert look_at(Picture(noisy, np.full((300, 1000, 1), 255, np.uint8))) == expected
    grey = look_at(Picture(noisy[..., :1]))
    assert grey.noise == pytest.approx(10, rel=0.2)


def test_what_is_hidden_is_not_looked_at(noisy):
    opaque = np.zeros((300, 1000, 1), np.uint8)
    opaque[:, :480] = 255
    shown = np.where(opaque > 0, np.uint8(99), noisy)
    assert look_at(Picture(shown, opaque)) == Damage()


def test_rows_are_looked_at_in_the_same_places(noisy, tmp_path):
    path = tmp_path / "noisy.png"
    Image.fromarray(noisy).save(path)
    with open_rows(path) as rows:
        assert look_at_rows(rows) == look_at(open_picture(path))


def test_a_large_picture_takes_no_longer(monkeypatch, rng):
    sizes = []
    monkeypatch.setattr(
        look, "find_damage", lambda windows, _: sizes.append(sum(map(np.size, windows)))
    )
    for side in (288, 1024, 3000):
        look_at(Picture(np.broadcast_to(np.uint8(9), (side, side, 3))))
    assert sizes == [288 * 288 * 3] * 3


@pytest.mark.parametrize("quality", [40, 75, 100])
def test_a_jpeg_file_says_its_quality_itself(noisy, tmp_path, quality):
    path = tmp_path / "noisy.jpg"
    Image.fromarray(noisy).save(path, quality=quality)
    assert look_at(open_picture(path)).jpeg_quality == pytest.approx(quality, abs=1)
