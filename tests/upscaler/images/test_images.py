import io
import struct
import sys
import time
import zlib

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image, ImageCms

from upscaler.errors import ImageError, PassingError
from upscaler.images import (
    FORMATS,
    Encoding,
    Picture,
    allow_pixels,
    open_picture,
    picture_from,
    picture_size,
    save_picture,
)
from upscaler.images.gamma import profile_from
from upscaler.images.png import END, write_chunk, write_signature

ORIENTATION = 0x0112
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture_of(pixels):
    colour = pixels[..., None] if pixels.ndim == 2 else pixels
    return Picture(colour=colour)


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


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tiff"])
def test_icc_profile_is_kept(tmp_path, photo, extension):
    Image.fromarray(photo).save(tmp_path / "in.png", icc_profile=SRGB)
    picture = open_picture(tmp_path / "in.png")
    path = tmp_path / f"out.{extension}"
    save_picture(picture, path, FORMATS[extension], Encoding(90))
    with Image.open(path) as image:
        assert image.info["icc_profile"] == SRGB


def test_damaged_exif_still_turns_the_picture(tmp_path, photo):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x0100] = 12345
    data = exif.tobytes().replace((12345).to_bytes(4, "little"), b"\xff\xff\xff\xff")
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=data)
    assert open_picture(tmp_path / "in.jpg").colour.shape[:2] == (53, 37)


def test_what_a_format_cannot_hold_is_said(tmp_path, photo):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    Image.fromarray(photo).save(tmp_path / "in.png", icc_profile=SRGB, exif=exif)
    picture = open_picture(tmp_path / "in.png")
    warnings = save_picture(picture, tmp_path / "out.bmp", FORMATS["bmp"], Encoding(90))
    assert len(warnings) == 2
    assert "ICC" in warnings[0] and "EXIF" in warnings[1]


def test_exif_too_large_for_a_jpeg_is_dropped_not_the_picture(tmp_path, photo):
    picture = Picture(colour=photo, exif=b"Exif\0\0" + bytes(70000))
    (warning,) = save_picture(picture, tmp_path / "out.jpg", FORMATS["jpg"], Encoding(90))
    assert "EXIF of 70006 bytes" in warning


def test_exif_is_kept_without_the_orientation(tmp_path, photo):
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010F] = 6, "A camera"
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=exif)
    save_picture(
        open_picture(tmp_path / "in.jpg"), tmp_path / "out.jpg", FORMATS["jpg"], Encoding(90)
    )
    with Image.open(tmp_path / "out.jpg") as image:
        assert dict(image.getexif()) == {0x010F: "A camera"}


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


def deep_of(channels, rng):
    icc = SRGB if channels >= 3 else None  # libvips keeps no profile of colour for grey
    return Picture.from_pixels(rng.integers(0, 65536, (21, 34, channels), np.uint16), icc=icc)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("extension", ["png", "tiff"])
def test_sixteen_bits_stay_sixteen_bits(tmp_path, rng, channels, extension):
    picture = deep_of(channels, rng)
    path = tmp_path / f"deep.{extension}"
    assert save_picture(picture, path, FORMATS[extension]) == ()
    again = open_picture(path)
    np.testing.assert_array_equal(again.pixels, picture.pixels)
    assert (again.icc, again.warnings) == (picture.icc, ())


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("extension", ["jpg", "webp", "bmp"])
def test_sixteen_bits_are_reduced_where_the_format_holds_eight(tmp_path, rng, channels, extension):
    deep = np.full((8, 8, channels), 257 * 100, np.uint16)
    deep[..., 3:] = 65535
    path = tmp_path / f"out.{extension}"
    lost = save_picture(Picture.from_pixels(deep), path, FORMATS[extension])
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
    deep = np.full((4, 6), 1000, np.uint16)
    deep[1, 2] = 40000
    Image.fromarray(deep).save(tmp_path / "in.png", transparency=1000)
    picture = open_picture(tmp_path / "in.png")
    assert picture.alpha is not None and picture.colour.dtype == np.uint16
    assert picture.alpha[1, 2] == 65535 and picture.alpha[0, 0] == 0


@pytest.mark.parametrize("extension", ["png", "tiff"])
def test_half_a_deep_file_is_damaged(tmp_path, rng, extension):
    path = tmp_path / f"deep.{extension}"
    save_picture(deep_of(3, rng), path, FORMATS[extension])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError):
        open_picture(path)


def test_a_pillow_image_of_sixteen_bits_is_reduced_with_a_warning():
    deep = np.array([[0, 65535], [257 * 100, 257 * 7]], np.uint16)
    picture = picture_from(Image.fromarray(deep))
    assert picture.colour[..., 0].tolist() == [[0, 255], [100, 7]]
    assert picture.warnings == ("reduced to 8 bits per channel",)


def test_cmyk_is_converted_with_a_warning(tmp_path, photo):
    Image.fromarray(photo).convert("CMYK").save(tmp_path / "in.jpg", quality=95)
    picture = open_picture(tmp_path / "in.jpg")
    assert picture.colour.shape == photo.shape
    assert "CMYK" in picture.warnings[0]
    assert np.abs(picture.colour.astype(int) - photo).mean() < 12


def test_the_profile_that_replaces_cmyk_carries_no_time(tmp_path, photo):
    cmyk = Image.fromarray(photo).convert("CMYK")
    cmyk.save(tmp_path / "in.jpg", icc_profile=SRGB[:16] + b"CMYK" + SRGB[20:])
    with pytest.raises(ImageError, match="CMYK profile is broken"):
        open_picture(tmp_path / "in.jpg")
    from upscaler.images.colour import _timeless

    assert _timeless(SRGB)[24:36] == bytes(12)
    assert len(_timeless(SRGB)) == len(SRGB)


def test_integers_beyond_sixteen_bits_are_refused(tmp_path):
    Image.fromarray(np.full((4, 4), 2**20, np.int32)).save(tmp_path / "in.tif")
    with pytest.raises(ImageError, match="32 bits"):
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
        (lambda photo: encoded(photo, "TGA"), "not an image"),  # a decoder off the list
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


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_format_takes_every_picture(tmp_path, rng, name, channels):
    pixels = rng.integers(0, 256, (9, 7, channels), np.uint8)
    transparent = channels in (2, 4)
    picture = Picture(
        colour=pixels[..., : channels - transparent],
        alpha=pixels[..., -1:] if transparent else None,
    )
    kind = FORMATS[name]
    path = tmp_path / f"new/out{kind.extensions[0]}"
    warnings = save_picture(picture, path, kind, Encoding(100))
    again = open_picture(path)
    assert (again.alpha is not None) == (transparent and "alpha" in kind.holds)
    assert bool(warnings) == (transparent and "alpha" not in kind.holds)
    if not kind.lossy and not warnings:
        colour = again.colour[..., : picture.colour.shape[2]]
        np.testing.assert_array_equal(colour, picture.colour)
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_failed_write_leaves_nothing(tmp_path, photo, monkeypatch):
    target = tmp_path / "out.png"
    target.write_bytes(b"what was there")

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ImageError, match="No space left"):
        save_picture(picture_of(photo), target, FORMATS["png"], Encoding(90))
    assert target.read_bytes() == b"what was there"
    assert [item.name for item in tmp_path.iterdir()] == ["out.png"]


@pytest.fixture
def few_pixels():
    """For a test, inputs of more than 2000 pixels are too large."""
    allow_pixels(2000)


def bomb(tmp_path):
    """A PNG of some 70 bytes that says it has 65,536 x 65,536 pixels."""
    header = struct.pack(">IIBBBBB", 65536, 65536, 1, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    with path.open("wb") as file:
        write_signature(file)
        for chunk in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(9))), END):
            write_chunk(file, *chunk)
    return path


def test_a_bomb_is_refused_at_once(tmp_path):
    path = bomb(tmp_path)
    began = time.perf_counter()
    with pytest.raises(ImageError, match="4294967296 pixels are more than the limit of 250000000"):
        open_picture(path)
    assert time.perf_counter() - began < 0.1


@pytest.mark.parametrize("name", ["png", "gif", "tiff", "webp", "avif", "ico"])
def test_what_passes_the_limit_is_refused_before_it_is_decoded(tmp_path, few_pixels, name):
    options = {"sizes": [(64, 64)]} if name == "ico" else {}
    Image.new("RGB", (64, 64)).save(tmp_path / f"in.{name}", **options)
    with pytest.raises(ImageError, match="pixels are more than the limit of 2000; --max-pixels"):
        open_picture(tmp_path / f"in.{name}")


def test_all_frames_count_together(tmp_path, few_pixels):
    frames = [Image.new("RGB", (30, 30), shade) for shade in ("red", "green", "blue")]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="30x30 pixels in 3 frames are more than"):
        open_picture(tmp_path / "in.gif")


@pytest.mark.parametrize(("maxval", "mode"), [(65535, "P6"), (1023, "P6"), (65535, "P5")])
def test_anymaps_of_sixteen_bits(tmp_path, rng, maxval, mode):
    channels = 3 if mode == "P6" else 1
    stored = rng.integers(0, maxval + 1, (5, 7, channels), np.uint16)
    header = f"{mode}\n7 5\n{maxval}\n".encode()
    (tmp_path / "in.ppm").write_bytes(header + stored.astype(">u2").tobytes())
    picture = open_picture(tmp_path / "in.ppm")
    np.testing.assert_allclose(picture.colour, stored * (65535 / maxval), atol=0.5)


def test_half_a_deep_anymap_is_damaged(tmp_path):
    (tmp_path / "in.ppm").write_bytes(b"P6\n7 5\n65535\n" + bytes(100))
    with pytest.raises(ImageError, match="truncated"):
        open_picture(tmp_path / "in.ppm")


def test_avif_of_twelve_bits_keeps_them(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    image = pyvips.Image.new_from_array(np.stack([ramp] * 3, 2)).copy(interpretation="rgb16")
    image.heifsave(str(tmp_path / "in.avif"), compression="av1", bitdepth=12, Q=100)
    picture = open_picture(tmp_path / "in.avif")
    assert picture.is_deep and len(np.unique(picture.colour[..., 0])) > 1000


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_planes_of_sixteen_bits(tmp_path, rng, compression, order):
    deep = rng.integers(0, 65536, (3, 9, 7), np.uint16)
    options = {"compression": compression, "photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "in.tif", deep, byteorder=order, **options)
    np.testing.assert_array_equal(open_picture(tmp_path / "in.tif").colour, deep.transpose(1, 2, 0))


def test_signed_values_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", np.full((9, 7), -40, np.int8), photometric="minisblack")
    with pytest.raises(ImageError, match="signed"):
        open_picture(tmp_path / "in.tif")


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


def test_white_of_ten_bits_is_white(tmp_path):
    white = pyvips.Image.new_from_array(np.full((64, 64, 3), 65535, np.uint16))
    white.copy(interpretation="rgb16").heifsave(
        str(tmp_path / "in.avif"), compression="av1", bitdepth=10, lossless=True
    )
    assert open_picture(tmp_path / "in.avif").colour.min() >= 65400


def test_a_grey_profile_is_not_put_into_a_file_of_colours(tmp_path, photo):
    grey = profile_from(0.7, None, grey=True)
    picture = Picture(colour=photo[..., :1], icc=grey)
    assert save_picture(picture, tmp_path / "out.png", FORMATS["png"]) == ()
    (said,) = save_picture(picture, tmp_path / "out.webp", FORMATS["webp"])
    assert "ICC profile is not written to webp" in said


@pytest.mark.parametrize("field", ["xmp", "iptc", "text"])
def test_what_is_too_long_for_a_jpeg_is_dropped_not_the_picture(tmp_path, photo, field):
    value = (("Comment", "x" * 70000),) if field == "text" else b"x" * 70000
    picture = Picture(colour=photo, **{field: value})
    (said,) = save_picture(picture, tmp_path / "out.jpg", FORMATS["jpg"])
    assert "of 70" in said and "is not written to jpg: dropped" in said


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
