import numpy as np
import pytest

from upscaler.errors import UsageError
from upscaler.quality.degradation import Degradation


@pytest.mark.parametrize("text", ["jpeg:75", "webp:40", "blur:1.5", "noise:4", "noise:4,jpeg:80"])
def test_a_picture_stays_what_it_is_but_worse(text, photo):
    degradation = Degradation.parse(text)
    worse = degradation(photo)
    assert str(degradation) == text
    assert (worse.shape, worse.dtype) == (photo.shape, np.uint8)
    difference = np.abs(worse.astype(int) - photo)
    assert 0 < difference.mean() < 20
    assert abs(worse.mean() - photo.mean()) < 1
    np.testing.assert_array_equal(worse, degradation(photo))


def test_noise_has_the_strength_asked_for():
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert Degradation.parse("noise:8")(grey).std() == pytest.approx(8, rel=0.05)


def test_a_chain_goes_from_left_to_right_and_its_noise_follows_from_the_seed(photo):
    text = "blur:1.2,noise:15,jpeg:60"
    chain = Degradation.parse(text, seed=3)
    blurred = Degradation.parse("blur:1.2")(photo)
    noisy = Degradation.parse("noise:15", seed=3)(blurred)
    np.testing.assert_array_equal(chain(photo), Degradation.parse("jpeg:60")(noisy))
    np.testing.assert_array_equal(chain(photo), chain(photo))
    assert not np.array_equal(chain(photo), Degradation.parse(text, seed=4)(photo))
    assert str(chain) == text


def test_colour_is_halved_in_jpeg():
    """4:2:0: single red and blue columns run together."""
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 255
    assert np.ptp(Degradation.parse("jpeg:100")(stripes)[8:24, 8:24, 0]) < 150


@pytest.mark.parametrize(
    "text", ["", "jpeg", "jpeg:", "jpeg:101", "jpeg:0", "noise:-1", "x:1", "blur:1,"]
)
def test_mistakes_are_named(text):
    with pytest.raises(UsageError, match=":"):
        Degradation.parse(text)
