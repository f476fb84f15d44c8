"""Textures that tile: enlarged, they tile as well."""

import numpy as np
import pytest

from upscaler import Upscaler
from upscaler.images import Picture, resample
from upscaler.images.wrapping import around, inside


@pytest.fixture
def texture(rng):
    """(H, W) -> (H, W, 4) whose opposite edges fit; some of it is hidden, also at its edges."""

    def texture(height, width):
        y, x = np.mgrid[0:height, 0:width] * 2 * np.pi
        waves = [np.sin(k * y / height + k * k * x / width) for k in (1, 2, 3, 1)]
        pixels = 128 + 90 * np.stack(waves, axis=2) + rng.integers(-20, 20, (height, width, 4))
        pixels[..., 3] = np.where(pixels[..., 3] < 100, 0, 255)
        return np.clip(pixels, 0, 255).astype(np.uint8)

    return texture


def rolled(pixels, down, across):
    return np.roll(pixels, (down, across), axis=(0, 1))


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("alpha", ["picture", "separate"])
def test_a_rolled_texture_enlarged_is_the_enlarged_texture_rolled(texture, tile, channels, alpha):
    made = Upscaler("fast", scale=2, tile=tile, precision="fp32", wrap=True, alpha=alpha)
    pixels = texture(24, 42)[..., :channels]
    large, of_rolled = made(pixels), made(rolled(pixels, 10, -14))
    assert large.shape == (48, 84, channels)
    assert np.abs(rolled(large, 20, -28).astype(int) - of_rolled).max() <= 1


@pytest.mark.parametrize("shape", [(2, 2), (6, 40), (30, 4)])
def test_a_texture_smaller_than_what_the_network_sees_goes_on_and_on(upscaler, texture, shape):
    made = Upscaler(upscaler.model.spec.name, scale=upscaler.scale, precision="fp32", wrap=True)
    pixels = texture(*shape)[..., :3]
    nine = made(np.tile(pixels, (3, 3, 1)))
    assert np.abs(np.tile(made(pixels), (3, 3, 1)).astype(int) - nine).max() <= 1


@pytest.mark.parametrize("alpha", ["picture", "separate"])
def test_sizes_between_the_networks_wrap_too(texture, alpha):
    made = Upscaler("fast", scale=1.5, precision="fp32", wrap=True, alpha=alpha)
    pixels = texture(24, 40)
    large, of_rolled = made(pixels), made(rolled(pixels, 8, 12))
    assert large.shape == (36, 60, 4)
    assert np.abs(rolled(large, 12, 18).astype(int) - of_rolled).max() <= 1


def test_a_smaller_size_than_the_input_wraps_too(texture):
    picture = Picture.from_pixels(texture(40, 40)[..., :3])
    small = resample(picture, 10, 10, wrap=True).pixels
    moved = Picture.from_pixels(rolled(picture.pixels, 8, 12))
    assert (
        np.abs(rolled(small, 2, 3).astype(int) - resample(moved, 10, 10, wrap=True).pixels).max()
        <= 1
    )


def test_only_the_edges_of_a_picture_change(upscaler, photo):
    name, scale = upscaler.model.spec.name, upscaler.scale
    plain, wrapped = (
        Upscaler(name, scale=scale, precision="fp32", wrap=wrap)(photo) for wrap in (False, True)
    )
    halo = upscaler.model.spec.halo * scale
    difference = np.abs(plain.astype(int) - wrapped)
    assert difference[halo:-halo, halo:-halo].max() <= 1
    assert difference.max() > 1


def test_around_and_back(rng):
    pixels = rng.integers(0, 256, (3, 5, 2), np.uint8)
    large = around(pixels, 7)
    np.testing.assert_array_equal(large, np.tile(pixels, (7, 5, 1))[2:-2, 3:-3])
    np.testing.assert_array_equal(inside(large, 7), pixels)
