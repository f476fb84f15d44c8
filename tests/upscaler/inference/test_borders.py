"""Flat places stay flat to the border, where the network's convolutions meet zeros."""

import itertools

import numpy as np
import pytest

from upscaler import Upscaler
from upscaler.inference.borders import Borders, keep_flat_to_the_border

COLOURS = list(itertools.product((0, 128, 255), repeat=3))


def framed(colour, depth=np.uint8):
    """(48, 52, 3): a square in the middle of a flat place."""
    pixels = np.empty((48, 52, 3), np.uint8)
    pixels[:] = colour
    pixels[20:28, 20:32] = 90, 160, 30
    return pixels.astype(depth) * (1 if depth == np.uint8 else 257)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_flat_place_is_as_flat_at_the_border_as_inside(upscaler, depth):
    """Packaged models answer a flat saturated field by up to 2 of 255 beside it, anywhere."""
    scale, step = upscaler.scale, 1 if depth == np.uint8 else 257
    for colour in COLOURS if depth == np.uint8 else COLOURS[::5]:
        made = upscaler(framed(colour, depth)).astype(int)
        for side in (made, made[::-1], made.swapaxes(0, 1), made[:, ::-1].swapaxes(0, 1)):
            assert np.abs(side[: 4 * scale] - np.array(colour) * step).max() <= 2 * step, colour


def test_a_picture_of_one_colour_comes_out_in_it(upscaler):
    made = upscaler(np.full((7, 5, 3), (250, 30, 0), np.uint8))
    assert (made == (250, 30, 0)).all()


@pytest.mark.parametrize("tile", [16, 20, 512])
def test_any_tile_makes_the_same_border(tile):
    whole = Upscaler("fast", scale=2, precision="fp32", tile=None)
    tiled = Upscaler("fast", scale=2, precision="fp32", tile=tile)
    pixels = framed((255, 0, 200))
    pixels[:3, :9] = 0
    assert np.abs(whole(pixels).astype(int) - tiled(pixels)).max() <= 1


def noise(rng, shape):
    return rng.integers(0, 256, shape, np.uint8)


def test_only_flat_places_at_the_pictures_own_border_change(rng):
    pixels, large = noise(rng, (30, 40, 3)), noise(rng, (60, 80, 3))
    everywhere = Borders(top=True, bottom=True, left=True, right=True)
    assert keep_flat_to_the_border(large, pixels, everywhere, halo=10) is large
    pixels[:9, :20] = 200
    made = keep_flat_to_the_border(large, pixels, everywhere, halo=10)
    # from the left corner up to four pixels before where the flat place ends
    np.testing.assert_array_equal(made[:8, 8:32], np.tile(large[8:10, 8:32], (4, 1, 1)))
    np.testing.assert_array_equal(made[:, 32:], large[:, 32:])
    np.testing.assert_array_equal(made[8:, 8:], large[8:, 8:])
    inner = Borders(top=False, bottom=True, left=False, right=True)
    assert keep_flat_to_the_border(large, pixels, inner, halo=10) is large


def test_a_network_that_sees_nothing_beside_a_pixel_has_no_border(rng):
    flat, large = np.full((30, 40, 3), 200, np.uint8), noise(rng, (60, 80, 3))
    everywhere = Borders(top=True, bottom=True, left=True, right=True)
    assert keep_flat_to_the_border(large, flat, everywhere, halo=0) is large
