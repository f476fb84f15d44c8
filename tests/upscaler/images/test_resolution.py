"""Pixels per inch: what a file says, and nothing where it says nothing."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from upscaler.images import FORMATS, open_picture, save_picture, upright_size


def doubled(picture):
    return picture.with_pixels(picture.colour.repeat(2, 0).repeat(2, 1), None)


def exif(unit, across):
    block = Image.Exif()
    block[ExifTags.Base.Make] = "A camera"
    if unit is not None:
        block[ExifTags.Base.ResolutionUnit] = unit
    if across is not None:
        block[ExifTags.Base.XResolution] = block[ExifTags.Base.YResolution] = across
    return block


@pytest.mark.parametrize(
    ("unit", "across", "dpi"),
    [(1, 1.0, None), (1, 72.0, None), (None, None, None), (2, 300.0, 300), (3, 100.0, 254)],
)
def test_a_jpeg_says_it_in_its_exif(tmp_path, photo, unit, across, dpi):
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=exif(unit, across))
    picture = open_picture(tmp_path / "in.jpg")
    assert picture.dpi == (None if dpi is None else pytest.approx((dpi, dpi)))
    for name in ("jpg", "tiff", "png"):
        save_picture(doubled(picture), tmp_path / f"out.{name}", FORMATS[name])
        again = open_picture(tmp_path / f"out.{name}").dpi
        assert again == (None if dpi is None else pytest.approx((2 * dpi, 2 * dpi), abs=0.1))


@pytest.mark.parametrize("tags", ["none", "no unit"])
def test_a_tiff_without_one_has_none(tmp_path, photo, tags):
    if tags == "none":
        Image.fromarray(photo).save(tmp_path / "in.tif")
    else:
        tifffile.imwrite(tmp_path / "in.tif", photo, photometric="rgb")
    picture = open_picture(tmp_path / "in.tif")
    assert picture.dpi is None
    save_picture(doubled(picture), tmp_path / "out.tif", FORMATS["tiff"])
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.pages[0].resolutionunit == tifffile.RESUNIT.NONE
    assert open_picture(tmp_path / "out.tif").dpi is None


@pytest.mark.parametrize("unit", [2, 3])
def test_a_tiff_with_one_keeps_it(tmp_path, photo, unit):
    tifffile.imwrite(
        tmp_path / "in.tif", photo, photometric="rgb", resolution=(100, 100), resolutionunit=unit
    )
    expected = 100 if unit == 2 else 254
    assert open_picture(tmp_path / "in.tif").dpi == pytest.approx((expected, expected))


@pytest.mark.parametrize("value", [b"6\0\0\0", b"top\0", b"right top\0"])
def test_an_orientation_that_is_no_number_is_none(tmp_path, value):
    stored = value if len(value) == 4 else struct.pack("<I", 26)
    entry = struct.pack("<HHHI", 1, ExifTags.Base.Orientation, 2, len(value)) + stored
    block = b"Exif\0\0II*\0\x08\0\0\0" + entry + bytes(4) + value
    Image.fromarray(np.zeros((37, 53), np.uint8)).save(tmp_path / "in.jpg", exif=block)
    assert upright_size(tmp_path / "in.jpg")[:2] == (53, 37)
    picture = open_picture(tmp_path / "in.jpg")
    assert (picture.width, picture.height) == (53, 37)
    assert picture.warnings == ("its orientation is no number: taken as upright",)
    save_picture(picture, tmp_path / "out.jpg", FORMATS["jpg"])
    with Image.open(tmp_path / "out.jpg") as image:
        assert ExifTags.Base.Orientation not in image.getexif()
