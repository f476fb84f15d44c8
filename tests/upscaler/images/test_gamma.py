"""PNG files that describe their colours by numbers."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from upscaler.images import open_picture
from upscaler.images.gamma import profile_from

SRGB_POINTS = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_POINTS = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


@pytest.mark.parametrize("points", [None, SRGB_POINTS])
def test_what_is_srgb_needs_no_profile(points):
    assert profile_from(0.45455, points, grey=False) is None


def to_srgb(profile, colour, mode="RGB"):
    image = Image.new(mode, (1, 1), colour)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB").getpixel((0, 0))


def srgb_encoded(light):
    return 255 * (12.92 * light if light < 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("gamma", [1.0, 0.35, 0.7])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_another_gamma_is_in_the_profile(gamma, mode):
    profile = profile_from(gamma, None, grey=mode == "L")
    expected = srgb_encoded((128 / 255) ** (1 / gamma))
    shown = to_srgb(profile, 128 if mode == "L" else (128, 128, 128), mode)
    np.testing.assert_allclose(shown, expected, atol=1.5)


def test_a_wide_gamut_is_in_the_profile():
    profile = profile_from(0.45455, ADOBE_POINTS, grey=False)
    adobe_green = to_srgb(profile, (0, 255, 0))
    assert adobe_green[0] == 0 and adobe_green[1] == 255  # more than sRGB has
    red, green, blue = to_srgb(profile, (200, 100, 100))
    assert red > 210 and abs(green - 100) <= 2 and abs(blue - 100) <= 2
    assert to_srgb(profile, (255, 255, 255)) == (255, 255, 255)


@pytest.mark.parametrize("points", [(0.3, 0, 0.6, 0.3, 0.3, 0.6, 0.1, 0.1), (0.3,) * 8])
def test_numbers_that_no_colours_fit_are_ignored(points):
    assert profile_from(0.3, points, grey=False) is None


def test_a_file_with_gamma_gets_the_profile(tmp_path, photo):
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (100000).to_bytes(4, "big"))
    Image.fromarray(photo).save(tmp_path / "linear.png", pnginfo=info)
    picture = open_picture(tmp_path / "linear.png")
    assert picture.icc == profile_from(1.0, None, grey=False)
    np.testing.assert_array_equal(picture.colour, photo)


def test_colours_given_by_code_points_are_lost_with_a_warning(tmp_path, photo):
    info = PngImagePlugin.PngInfo()
    info.add(b"cICP", bytes((9, 16, 0, 1)))  # BT.2020, PQ
    Image.fromarray(photo).save(tmp_path / "in.png", pnginfo=info)
    (warning,) = open_picture(tmp_path / "in.png").warnings
    assert "cICP" in warning
