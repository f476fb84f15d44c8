"""What JPEG, noise and blur leave in a picture is found; a clean one shows none of it."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.quality.damage import Damage, find_damage
from upscaler.quality.degradation import blur, jpeg, noise

SAMPLES = Path(__file__).parents[3] / "samples"
NAMES = ("colosseum.png", "otter.png", "spices.webp", "hippo.jpg")


@pytest.fixture(params=NAMES)
def clean(request):
    """A photograph at half its size, which no JPEG shows in any more."""
    with Image.open(SAMPLES / request.param) as image:
        small = image.convert("RGB").reduce(2)
    return np.asarray(small)


def found(*pictures, **known):
    return find_damage([picture.astype(np.float32) for picture in pictures], **known)


def test_a_clean_picture_shows_none(clean):
    assert found(clean) == Damage()


@pytest.mark.parametrize("quality", [20, 50, 75, 90, 95])
def test_the_quality_of_jpeg_is_read_off_the_pixels(clean, quality):
    assert found(jpeg(clean, quality)).jpeg_quality == pytest.approx(quality, abs=1)


def test_jpeg_is_found_after_a_cut(clean):
    assert found(jpeg(clean, 70)[3:, 5:]).jpeg_quality == pytest.approx(70, abs=1)


def test_jpeg_is_found_in_grey(clean):
    grey = np.asarray(Image.fromarray(clean).convert("L"))
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=60)
    with Image.open(file) as image:
        assert found(np.asarray(image)[..., None]).jpeg_quality == 60


def test_what_is_known_of_jpeg_is_not_looked_for(clean):
    assert found(clean, jpeg_quality=98).jpeg_quality == 98


@pytest.mark.parametrize("sigma", [3, 8, 20])
def test_the_strength_of_noise(clean, sigma):
    noisy = noise(clean, sigma, np.random.default_rng(1))
    assert found(noisy).noise == pytest.approx(sigma, rel=0.2)


def test_strong_grey_noise_is_found(clean):
    random = np.random.default_rng(1).normal(0, 12, clean.shape[:2])[..., None]
    assert found(np.clip(clean + random, 0, 255)).noise == pytest.approx(12, rel=0.35)


def test_blur_is_found(clean):
    assert found(blur(clean, 1.5)).blurred and not found(clean).blurred


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 200, 3), (9, 9, 1), (64, 64, 3)])
@pytest.mark.parametrize("value", [0, 77, 255])
def test_nothing_is_read_into_small_or_flat_pictures(shape, value):
    assert found(np.full(shape, value, np.uint8)) == Damage()


def test_drawings_are_clean():
    drawing = np.full((160, 160, 3), 250, np.uint8)
    drawing[20:90, 30:120] = (200, 30, 30)
    drawing[60:140, 70:73] = 10
    drawing[np.arange(150), np.arange(150)] = 0
    assert found(drawing) == Damage()
