"""JPEG XL, by an extra: right pixels, upright, and its size before it is decoded."""

import io

import numpy as np
import pytest
from PIL import Image

from upscaler.errors import ImageError
from upscaler.images import open_picture, open_rows, upright_size
from upscaler.images.jxl import header_of

pytest.importorskip("pillow_jxl", reason="needs the [jxl] extra")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("container", [False, True])
def test_pixels_and_metadata(tmp_path, photo, channels, container):
    pixels = np.dstack([photo, photo[..., 0]])[..., :channels]
    exif = Image.Exif()
    exif[271], exif[274] = "A camera", 6  # the pixels are upright
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    said = {"exif": exif.tobytes(), "xmp": b"<x/>"} if container else {}
    image.save(tmp_path / "in.jxl", lossless=True, use_container=container, **said)
    picture = open_picture(tmp_path / "in.jxl")
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.icc and picture.warnings == ()
    assert upright_size(tmp_path / "in.jxl")[:2] == (53, 37)
    if container:
        assert picture.xmp == b"<x/>" and b"A camera" in picture.exif


def test_a_jpeg_that_was_packed(tmp_path, photo):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=exif, quality=95)
    with Image.open(tmp_path / "in.jpg") as image:
        image.save(tmp_path / "in.jxl", lossless_jpeg=True)
    expected, picture = open_picture(tmp_path / "in.jpg"), open_picture(tmp_path / "in.jxl")
    np.testing.assert_array_equal(picture.colour, expected.colour)
    assert picture.warnings == () and picture.dpi is None
    with open_rows(tmp_path / "in.jxl") as rows:
        assert rows is None


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (256, 64), (257, 64), (9000, 3), (64, 48)])
def test_the_header_says_the_size(tmp_path, size):
    stream = io.BytesIO()
    Image.new("L", size).save(stream, "JXL", lossless=True)
    assert header_of(stream) == (*size, 8, False)


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "in.jxl")
    content = (tmp_path / "in.jxl").read_bytes()
    (tmp_path / "in.jxl").write_bytes(content[:40])  # too little to decode
    with pytest.raises(ImageError, match="1961 pixels are more than the limit of 1000"):
        open_picture(tmp_path / "in.jxl", 1000)
    with pytest.raises(ImageError, match="damaged"):
        open_picture(tmp_path / "in.jxl")


@pytest.mark.parametrize("cut", [2, 3, 12, 20, 40])
def test_what_is_cut_off_is_damaged(tmp_path, photo, cut):
    Image.fromarray(photo).save(tmp_path / "in.jxl", use_container=cut > 3)
    (tmp_path / "in.jxl").write_bytes((tmp_path / "in.jxl").read_bytes()[:cut])
    with pytest.raises(ImageError, match="damaged"):
        open_picture(tmp_path / "in.jxl")
