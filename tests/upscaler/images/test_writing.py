"""Every picture into every format, and what becomes of the rest."""

import numpy as np
import pytest
from PIL import Image

from upscaler.errors import ImageError
from upscaler.images import FORMATS, Encoding, Picture, open_picture, save_picture
from upscaler.images.gamma import profile_from

ORIENTATION = 0x0112


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
        save_picture(Picture(colour=photo), target, FORMATS["png"], Encoding(90))
    assert target.read_bytes() == b"what was there"
    assert [item.name for item in tmp_path.iterdir()] == ["out.png"]


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tiff"])
def test_icc_profile_is_kept(tmp_path, photo, srgb, extension):
    Image.fromarray(photo).save(tmp_path / "in.png", icc_profile=srgb)
    picture = open_picture(tmp_path / "in.png")
    path = tmp_path / f"out.{extension}"
    save_picture(picture, path, FORMATS[extension], Encoding(90))
    with Image.open(path) as image:
        assert image.info["icc_profile"] == srgb


def test_exif_is_kept_without_the_orientation(tmp_path, photo):
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010F] = 6, "A camera"
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=exif)
    save_picture(
        open_picture(tmp_path / "in.jpg"), tmp_path / "out.jpg", FORMATS["jpg"], Encoding(90)
    )
    with Image.open(tmp_path / "out.jpg") as image:
        assert dict(image.getexif()) == {0x010F: "A camera"}


def test_what_a_format_cannot_hold_is_in_a_warning(tmp_path, photo, srgb):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    Image.fromarray(photo).save(tmp_path / "in.png", icc_profile=srgb, exif=exif)
    picture = open_picture(tmp_path / "in.png")
    warnings = save_picture(picture, tmp_path / "out.bmp", FORMATS["bmp"], Encoding(90))
    assert len(warnings) == 2
    assert "ICC" in warnings[0] and "EXIF" in warnings[1]


def test_exif_too_large_for_a_jpeg_is_dropped_not_the_picture(tmp_path, photo):
    picture = Picture(colour=photo, exif=b"Exif\0\0" + bytes(70000))
    (warning,) = save_picture(picture, tmp_path / "out.jpg", FORMATS["jpg"], Encoding(90))
    assert "EXIF of 70006 bytes" in warning


@pytest.mark.parametrize("field", ["xmp", "iptc", "text"])
def test_what_is_too_long_for_a_jpeg_is_dropped_not_the_picture(tmp_path, photo, field):
    value = (("Comment", "x" * 70000),) if field == "text" else b"x" * 70000
    picture = Picture(colour=photo, **{field: value})
    (warning,) = save_picture(picture, tmp_path / "out.jpg", FORMATS["jpg"])
    assert "of 70" in warning and "is not written to jpg: dropped" in warning


def test_a_grey_profile_is_not_put_into_a_file_of_colours(tmp_path, photo):
    grey = profile_from(0.7, None, grey=True)
    picture = Picture(colour=photo[..., :1], icc=grey)
    assert save_picture(picture, tmp_path / "out.png", FORMATS["png"]) == ()
    assert open_picture(tmp_path / "out.png").icc == grey
    assert save_picture(picture, tmp_path / "out.webp", FORMATS["webp"]) == ()
    assert open_picture(tmp_path / "out.webp").icc[16:20] == b"RGB "
