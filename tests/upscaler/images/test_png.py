"""The PNG writer against decoders that others wrote."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from upscaler.errors import ImageError
from upscaler.images import png

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(pixels, **options):
    file = io.BytesIO()
    head = png.header_chunk(pixels.shape, pixels.dtype)
    png.write_png(file, head, [pixels], **options)
    return file.getvalue()


def decoded(content):
    with Image.open(io.BytesIO(content)) as image:
        image.verify()  # checksums of all chunks
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([1, 2, 3, 4]),
    st.sampled_from([1, 2, 6, 9]),
    st.integers(0, 2**32 - 1),
)
def test_every_pixel_comes_back(height, width, channels, level, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    np.testing.assert_array_equal(decoded(encoded(pixels, level=level)), pixels)


@pytest.mark.parametrize("level", [1, 6])
def test_a_picture_of_many_strips_comes_back(photo, level, monkeypatch):
    monkeypatch.setattr(png, "_STRIP_BYTES", 4 * photo.shape[1] * 3)
    np.testing.assert_array_equal(decoded(encoded(photo, level=level)), photo)


@pytest.mark.parametrize("level", [1, 6])
def test_sixteen_bits_of_grey_come_back(rng, level):
    pixels = rng.integers(0, 65536, (31, 17, 1), np.uint16)
    np.testing.assert_array_equal(decoded(encoded(pixels, level=level)), pixels)


@pytest.mark.parametrize("level", [1, 6])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_come_back_from_another_library(rng, channels, level):
    pyvips = pytest.importorskip("pyvips", reason="Pillow reads no 16 bits of colour")
    pixels = rng.integers(0, 65536, (31, 17, channels), np.uint16)
    image = pyvips.Image.pngload_buffer(encoded(pixels, level=level), fail_on="warning")
    np.testing.assert_array_equal(image.numpy().reshape(pixels.shape), pixels)


@pytest.mark.parametrize("level", [1, 6])
def test_chunks_come_back(photo, level):
    exif = Image.Exif()
    exif[0x010E] = "a title"
    chunks = [png.icc_chunk(SRGB), png.exif_chunk(exif.tobytes()), png.text_chunk("Title", "Ö")]
    with Image.open(io.BytesIO(encoded(photo, level=level, chunks=chunks))) as image:
        assert image.info["icc_profile"] == SRGB
        assert image.text == {"Title": "Ö"}
        assert image.getexif()[0x010E] == "a title"


def test_pixels_that_are_not_contiguous(photo):
    turned = photo.transpose(1, 0, 2)[::-1]
    np.testing.assert_array_equal(decoded(encoded(turned)), turned)


def test_higher_levels_are_smaller(photo):
    large = np.asarray(Image.fromarray(photo).resize((400, 300), Image.Resampling.BICUBIC))
    sizes = [len(encoded(large, level=level)) for level in (9, 6, 2, 1)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1] < large.nbytes


@pytest.mark.parametrize("level", [1, 6])
def test_what_goes_wrong_in_the_strips_comes_through(photo, level):
    def strips():
        yield photo[:9]
        raise ImageError("damaged")

    head = png.header_chunk(photo.shape, photo.dtype)
    with pytest.raises(ImageError, match="damaged"):
        png.write_png(io.BytesIO(), head, strips(), level=level)
