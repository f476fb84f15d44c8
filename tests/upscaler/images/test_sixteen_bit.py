"""Pictures of more than 8 bits a channel."""

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from upscaler.errors import ImageError
from upscaler.images import FORMATS, Picture, open_picture, picture_from, save_picture


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("extension", ["png", "tiff"])
def test_sixteen_bits_stay_sixteen_bits(tmp_path, rng, srgb, channels, extension):
    icc = srgb if channels >= 3 else None  # libvips keeps no profile of colour for grey
    picture = Picture.from_pixels(rng.integers(0, 65536, (21, 34, channels), np.uint16), icc=icc)
    path = tmp_path / f"out.{extension}"
    assert save_picture(picture, path, FORMATS[extension]) == ()
    again = open_picture(path)
    np.testing.assert_array_equal(again.pixels, picture.pixels)
    assert (again.icc, again.warnings) == (picture.icc, ())


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("extension", ["png", "tiff"])
def test_a_pixel_alone_is_a_picture(tmp_path, channels, extension):
    picture = Picture.from_pixels(np.full((1, 1, channels), 40000, np.uint16))
    path = tmp_path / f"out.{extension}"
    save_picture(picture, path, FORMATS[extension])
    np.testing.assert_array_equal(open_picture(path).pixels, picture.pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("extension", ["jpg", "webp", "bmp"])
def test_sixteen_bits_are_reduced_where_the_format_holds_eight(tmp_path, rng, channels, extension):
    pixels = np.full((8, 8, channels), 257 * 100, np.uint16)
    pixels[..., 3:] = 65535
    path = tmp_path / f"out.{extension}"
    lost = save_picture(Picture.from_pixels(pixels), path, FORMATS[extension])
    assert f"{extension} holds 8 bits a channel: reduced from 16" in lost
    assert np.abs(open_picture(path).colour.astype(int) - 100).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bits_are_turned_upright(tmp_path, rng, orientation):
    pixels = rng.integers(0, 65536, (5, 7, 3), np.uint16)
    image = pyvips.Image.new_from_array(pixels).copy(interpretation="rgb16")
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.pngsave(str(tmp_path / "turned.png"))
    expected = pyvips.Image.pngload(str(tmp_path / "turned.png")).autorot().numpy()
    picture = open_picture(tmp_path / "turned.png")
    np.testing.assert_array_equal(picture.colour, expected)


def test_a_transparent_colour_of_sixteen_bits_becomes_alpha(tmp_path):
    pixels = np.full((4, 6), 1000, np.uint16)
    pixels[1, 2] = 40000
    Image.fromarray(pixels).save(tmp_path / "in.png", transparency=1000)
    picture = open_picture(tmp_path / "in.png")
    assert picture.alpha is not None and picture.colour.dtype == np.uint16
    assert picture.alpha[1, 2] == 65535 and picture.alpha[0, 0] == 0


@pytest.mark.parametrize("extension", ["png", "tiff"])
def test_half_a_file_of_sixteen_bits_is_damaged(tmp_path, rng, extension):
    path = tmp_path / f"out.{extension}"
    picture = Picture.from_pixels(rng.integers(0, 65536, (21, 34, 3), np.uint16))
    save_picture(picture, path, FORMATS[extension])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError):
        open_picture(path)


def test_a_pillow_image_of_sixteen_bits_is_reduced_with_a_warning():
    pixels = np.array([[0, 65535], [257 * 100, 257 * 7]], np.uint16)
    picture = picture_from(Image.fromarray(pixels))
    assert picture.colour[..., 0].tolist() == [[0, 255], [100, 7]]
    assert picture.warnings == ("reduced to 8 bits per channel",)


@pytest.mark.parametrize(("maxval", "mode"), [(65535, "P6"), (1023, "P6"), (65535, "P5")])
def test_anymaps_of_sixteen_bits(tmp_path, rng, maxval, mode):
    channels = 3 if mode == "P6" else 1
    stored = rng.integers(0, maxval + 1, (5, 7, channels), np.uint16)
    header = f"{mode}\n7 5\n{maxval}\n".encode()
    (tmp_path / "in.ppm").write_bytes(header + stored.astype(">u2").tobytes())
    picture = open_picture(tmp_path / "in.ppm")
    np.testing.assert_allclose(picture.colour, stored * (65535 / maxval), atol=0.5)


def test_half_an_anymap_of_sixteen_bits_is_damaged(tmp_path):
    (tmp_path / "in.ppm").write_bytes(b"P6\n7 5\n65535\n" + bytes(100))
    with pytest.raises(ImageError, match="truncated"):
        open_picture(tmp_path / "in.ppm")


def test_avif_of_twelve_bits_keeps_them(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    image = pyvips.Image.new_from_array(np.stack([ramp] * 3, 2)).copy(interpretation="rgb16")
    image.heifsave(str(tmp_path / "in.avif"), compression="av1", bitdepth=12, Q=100)
    picture = open_picture(tmp_path / "in.avif")
    assert picture.is_sixteen_bit and len(np.unique(picture.colour[..., 0])) > 1000


def test_white_of_ten_bits_is_white(tmp_path):
    white = pyvips.Image.new_from_array(np.full((64, 64, 3), 65535, np.uint16))
    white.copy(interpretation="rgb16").heifsave(
        str(tmp_path / "in.avif"), compression="av1", bitdepth=10, lossless=True
    )
    assert open_picture(tmp_path / "in.avif").colour.min() >= 65400


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_planes_of_sixteen_bits(tmp_path, rng, compression, order):
    pixels = rng.integers(0, 65536, (3, 9, 7), np.uint16)
    options = {"compression": compression, "photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "in.tif", pixels, byteorder=order, **options)
    np.testing.assert_array_equal(
        open_picture(tmp_path / "in.tif").colour, pixels.transpose(1, 2, 0)
    )
