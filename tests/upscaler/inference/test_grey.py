"""Grey that is stored as RGB, or in a palette, comes back without a tint."""

import numpy as np
import pytest
from PIL import Image

from upscaler.images import open_picture


@pytest.fixture
def dots():
    """(32, 48) uint8: a raster, as comics and scans have it."""
    y, x = np.mgrid[0:32, 0:48]
    return np.where(((x % 6 - 3) ** 2 + (y % 6 - 3) ** 2) < 4, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_equal_channels_go_through_as_grey(upscaler, dots, depth):
    grey = dots.astype(depth) * (1 if depth == np.uint8 else 257)
    made = upscaler(grey[..., None].repeat(3, axis=2))
    assert made.shape[2] == 3
    np.testing.assert_array_equal(made, upscaler(grey)[..., None].repeat(3, axis=2))


def test_with_transparency_too(upscaler, dots):
    alpha = np.full_like(dots, 255)
    alpha[:8] = 0
    made = upscaler(np.dstack([dots, dots, dots, alpha]))
    assert (made[..., 0] == made[..., 1]).all() and (made[..., 0] == made[..., 2]).all()


def test_one_pixel_of_another_colour_makes_a_colour_picture(upscaler, dots):
    pixels = dots[..., None].repeat(3, axis=2)
    pixels[-1, -1] = 255, 254, 255
    made = upscaler(pixels)
    assert (made[..., 0] != made[..., 1]).any()


@pytest.mark.parametrize("name", ["rgb.png", "palette.png", "palette.gif", "rgb.tif", "rgb.jpg"])
def test_files_of_every_kind(tmp_path, run, dots, name):
    image = Image.fromarray(dots)
    (image.convert("P") if "palette" in name else image.convert("RGB")).save(tmp_path / name)
    run(tmp_path / name, tmp_path / "out.png")
    made = open_picture(tmp_path / "out.png").rgb
    assert (made[..., 0] == made[..., 1]).all() and (made[..., 0] == made[..., 2]).all()
