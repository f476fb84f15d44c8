"""Profiles of grey for grey pictures, and of RGB for the others."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from upscaler.images import FORMATS, Picture, open_picture, save_picture
from upscaler.images.icc import gamma_curve, grey_profile, of_other_kind


def shown(picture):
    """The first pixel as sRGB, through the picture's profile."""
    pixels = picture.colour[:1, :1]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    source = ImageCms.ImageCmsProfile(io.BytesIO(picture.icc))
    srgb = ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB").getpixel((0, 0))


@pytest.mark.parametrize("extension", ["jpg", "tif"])
def test_a_grey_picture_with_a_profile_of_rgb_gets_one_of_grey(tmp_path, srgb, extension):
    path = tmp_path / f"in.{extension}"
    Image.new("L", (8, 8), 100).save(path, icc_profile=srgb, quality=100)
    picture = open_picture(path)
    assert picture.icc[16:20] == b"GRAY" and picture.warnings == ()
    assert shown(picture) == (100, 100, 100)


def test_a_colour_picture_with_a_profile_of_grey_gets_one_of_rgb(tmp_path):
    linear = grey_profile(gamma_curve(1.0), "linear")
    Image.new("RGB", (8, 8), (128, 128, 128)).save(tmp_path / "in.jpg", icc_profile=linear)
    picture = open_picture(tmp_path / "in.jpg")
    assert picture.icc[16:20] == b"RGB "
    np.testing.assert_allclose(shown(picture), (188, 188, 188), atol=1)


@pytest.mark.parametrize("name", ["webp", "avif"])
def test_formats_that_know_no_grey_get_a_profile_of_rgb(tmp_path, name):
    linear = grey_profile(gamma_curve(1.0), "linear")
    picture = Picture(np.full((8, 8, 1), 128, np.uint8), icc=linear)
    assert save_picture(picture, tmp_path / f"out.{name}", FORMATS[name]) == ()
    again = open_picture(tmp_path / f"out.{name}")
    np.testing.assert_allclose(shown(again), (188, 188, 188), atol=2)


def test_a_profile_without_a_tone_curve_is_dropped_with_a_warning(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.new("L", (8, 8), 100).save(tmp_path / "in.jpg", icc_profile=lab)
    picture = open_picture(tmp_path / "in.jpg")
    assert picture.icc is None
    assert picture.warnings == ("its ICC profile is not one for grey pictures: dropped",)


@pytest.mark.parametrize("length", [0, 20, 130, 300])
def test_a_damaged_profile_has_none_of_the_other_kind(srgb, length):
    assert of_other_kind(srgb[:length]) is None
