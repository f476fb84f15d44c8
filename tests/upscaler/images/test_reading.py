"""Files as they come: turned, of every mode, damaged, or called what they are not."""

import io
import struct
import sys
import zlib

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from upscaler.errors import ImageError, PassingError
from upscaler.images import FORMATS, Encoding, open_picture, picture_size, save_picture
from upscaler.images.png import END, write_chunk, write_signature

ORIENTATION = 0x0112


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tiff"])
def test_orientation_is_applied_once(tmp_path, orientation, extension):
    upright = np.zeros((24, 40, 3), np.uint8)
    upright[:12, :20] = (250, 10, 10)  # a corner that tells all eight apart
    upright[:12, 20:] = (10, 250, 10)
    image = Image.fromarray(upright)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that EXIF will revert
    if orientation in undo:
        image = image.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"turned.{extension}"
    image.save(path, exif=exif, quality=95)
    picture = open_picture(path)
    assert np.abs(picture.colour.astype(int) - upright).mean() < 6

    again = tmp_path / f"again.{extension}"
    save_picture(picture, again, FORMATS[extension], Encoding(95))
    with Image.open(again) as written:
        assert written.getexif().get(ORIENTATION, 1) == 1
        assert written.size == (40, 24)


def test_damaged_exif_still_turns_the_picture(tmp_path, photo):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x0100] = 12345
    data = exif.tobytes().replace((12345).to_bytes(4, "little"), b"\xff\xff\xff\xff")
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=data)
    assert open_picture(tmp_path / "in.jpg").colour.shape[:2] == (53, 37)


@pytest.mark.parametrize(
    ("mode", "channels", "alpha"),
    [
        ("1", 1, False),
        ("L", 1, False),
        ("LA", 1, True),
        ("P", 3, False),
        ("RGB", 3, False),
        ("RGBA", 3, True),
        ("I;16", 1, False),
    ],
)
def test_every_mode_becomes_rgb_or_grey_with_alpha(tmp_path, mode, channels, alpha):
    image = Image.new(mode, (6, 4))
    image.save(tmp_path / "in.png")
    picture = open_picture(tmp_path / "in.png")
    assert picture.colour.shape == (4, 6, channels)
    assert picture.colour.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    assert (picture.alpha is not None) == alpha


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_transparent_colour_becomes_alpha(tmp_path, mode):
    image = Image.new(mode, (6, 4), 0)
    image.putpixel((2, 1), 200 if mode != "RGB" else (200, 1, 2))
    key = (0, 0, 0) if mode == "RGB" else 0
    image.save(tmp_path / "in.png", transparency=key)
    picture = open_picture(tmp_path / "in.png")
    assert picture.alpha is not None
    assert picture.alpha[1, 2] == 255 and picture.alpha[0, 0] == 0


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_transparent_grey_of_few_bits_becomes_alpha(tmp_path, bits):
    row = bytes([0, 0b10110001])
    width = 8 // bits
    header = struct.pack(">IIBBBBB", width, 1, bits, 0, 0, 0, 0)
    key = 0b10110001 >> (8 - bits)  # that of the first pixel
    chunks = [
        (b"IHDR", header),
        (b"tRNS", struct.pack(">H", key)),
        (b"IDAT", zlib.compress(row)),
        END,
    ]
    with (tmp_path / "in.png").open("wb") as file:
        write_signature(file)
        for chunk in chunks:
            write_chunk(file, *chunk)
    values = [(0b10110001 >> (8 - bits * (n + 1))) & (2**bits - 1) for n in range(width)]
    alpha = open_picture(tmp_path / "in.png").alpha
    assert alpha[0, :, 0].tolist() == [0 if value == key else 255 for value in values]


def test_cmyk_is_converted_with_a_warning(tmp_path, photo):
    Image.fromarray(photo).convert("CMYK").save(tmp_path / "in.jpg", quality=95)
    picture = open_picture(tmp_path / "in.jpg")
    assert picture.colour.shape == photo.shape
    assert "CMYK" in picture.warnings[0]
    assert np.abs(picture.colour.astype(int) - photo).mean() < 12


def test_the_profile_that_replaces_cmyk_carries_no_time(tmp_path, photo):
    """The same input must give the same bytes."""
    cmyk = Image.fromarray(photo).convert("CMYK")
    cmyk.save(tmp_path / "in.jpg", icc_profile=pyvips.Image.profile_load("cmyk"))
    picture = open_picture(tmp_path / "in.jpg")
    assert picture.icc[16:20] == b"RGB " and picture.icc[24:36] == bytes(12)


def test_a_broken_cmyk_profile_is_an_error(tmp_path, photo, srgb):
    cmyk = Image.fromarray(photo).convert("CMYK")
    cmyk.save(tmp_path / "in.jpg", icc_profile=srgb[:16] + b"CMYK" + srgb[20:])
    with pytest.raises(ImageError, match="CMYK profile is broken"):
        open_picture(tmp_path / "in.jpg")


def test_integers_beyond_sixteen_bits_are_refused(tmp_path):
    Image.fromarray(np.full((4, 4), 2**20, np.int32)).save(tmp_path / "in.tif")
    with pytest.raises(ImageError, match="32 bits"):
        open_picture(tmp_path / "in.tif")


def test_signed_values_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", np.full((9, 7), -40, np.int8), photometric="minisblack")
    with pytest.raises(ImageError, match="signed"):
        open_picture(tmp_path / "in.tif")


def encoded(photo, kind="PNG"):
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda photo: b"", "empty"),
        (lambda photo: b"just some text", "not an image"),
        (lambda photo: encoded(photo)[:30], "not an image|damaged"),
        (lambda photo: encoded(photo)[: len(encoded(photo)) // 2], "truncated"),
        (lambda photo: encoded(photo, "JPEG")[:700], "truncated"),
        (lambda photo: encoded(photo, "SGI"), "not an image"),  # a decoder off the list
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path, photo, make, message):
    path = tmp_path / "bad.png"
    path.write_bytes(make(photo))
    with pytest.raises(ImageError, match=message):
        open_picture(path)


def test_content_decides_the_decoder(tmp_path, photo):
    (tmp_path / "really.jpg").write_bytes(encoded(photo, "PNG"))
    np.testing.assert_array_equal(open_picture(tmp_path / "really.jpg").colour, photo)
    assert picture_size(tmp_path / "really.jpg")[:3] == (53, 37, 1)


def test_heic_is_read_upright_with_its_metadata(tmp_path, photo):
    heif = pytest.importorskip("pillow_heif", reason="needs the [heic] extra")
    heif.register_heif_opener()
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010F] = 6, "A camera"
    small = Image.fromarray(photo).resize((64, 48))
    small.save(tmp_path / "in.heic", exif=exif.tobytes(), quality=95)
    picture = open_picture(tmp_path / "in.heic")
    assert (picture.width, picture.height) == (48, 64)
    turned = np.asarray(small.transpose(Image.Transpose.ROTATE_270)).astype(int)
    assert np.abs(picture.colour - turned).mean() < 8
    kept = Image.Exif()
    kept.load(picture.exif)
    assert kept[0x010F] == "A camera"


def test_heic_without_its_reader_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "in.heic").write_bytes(bytes.fromhex("0000001c6674797068656963") + bytes(40))
    with pytest.raises(PassingError, match="pip install pillow-heif"):  # tried again once it is
        open_picture(tmp_path / "in.heic")
