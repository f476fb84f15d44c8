"""Colours that a file gives by code points instead of an ICC profile."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from upscaler.images import open_picture
from upscaler.images.code_points import CodePoints

SRGB, P3, BT2020 = 1, 12, 9
"""Primaries."""
SRGB_CURVE, PQ, HLG, LINEAR = 13, 16, 18, 8
"""Transfer functions."""


def save(image, path, primaries, transfer):
    if path.suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add(b"cICP", bytes((primaries, transfer, 0, 1)))
        image.save(path, pnginfo=info)
    elif path.suffix == ".avif":
        file = io.BytesIO()
        image.save(file, "AVIF", quality=100)
        before = file.getvalue()
        place = before.index(b"nclx") + 4
        given = primaries.to_bytes(2, "big") + transfer.to_bytes(2, "big")
        path.write_bytes(before[:place] + given + before[place + 4 :])
    else:
        pytest.importorskip("pillow_heif", reason="needs the [heic] extra").register_heif_opener()
        codes = {"color_primaries": primaries, "transfer_characteristics": transfer}
        image.save(path, matrix_coefficients=6, full_range_flag=1, **codes)


@pytest.fixture(params=["png", "avif", "heic"])
def written(request, tmp_path):
    """Write a picture that gives its colours by code points, and read it."""

    def written(primaries, transfer, mode="RGB"):
        path = tmp_path / f"in.{request.param}"
        save(
            Image.new(mode, (64, 48), 128 if mode == "L" else (200, 100, 90)),
            path,
            primaries,
            transfer,
        )
        return open_picture(path)

    return written


def in_srgb(profile, colour, mode="RGB"):
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    made = ImageCms.profileToProfile(
        Image.new(mode, (1, 1), colour), source, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    return made.getpixel((0, 0))


def test_display_p3_gets_a_profile(written):
    picture = written(P3, SRGB_CURVE)
    assert picture.warnings == ()
    # by the matrices of CSS Color 4: color(display-p3 0.784 0.392 0.353)
    np.testing.assert_allclose(in_srgb(picture.icc, (200, 100, 90)), (215, 95, 84), atol=2)
    assert in_srgb(picture.icc, (255, 255, 255)) == (255, 255, 255)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.icc))
    assert ImageCms.getProfileDescription(profile).strip() == "Display P3"


def test_bt2020_gets_a_profile_with_its_own_curve(written):
    linear = written(BT2020, LINEAR).icc
    np.testing.assert_allclose(in_srgb(linear, (128, 128, 128)), (188, 188, 188), atol=1)
    assert in_srgb(written(BT2020, SRGB_CURVE).icc, (200, 100, 90))[0] > 225


@pytest.mark.parametrize("transfer", [1, 2, SRGB_CURVE])
def test_srgb_needs_no_profile_and_no_warning(written, transfer):
    picture = written(SRGB, transfer)
    assert (picture.icc, picture.warnings) == (None, ())


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "PQ"), (HLG, "HLG")])
def test_hdr_is_taken_with_a_warning(written, transfer, name):
    picture = written(BT2020, transfer)
    assert picture.icc is None
    assert picture.warnings == (
        f"its colours are BT.2020 with {name}, given by cICP or nclx, which is not kept: they may "
        f"look pale or dark",
    )


def test_code_points_that_are_not_known_are_named():
    unknown = CodePoints(77, 99)
    assert not unknown.has_profile
    assert "primaries 77 with transfer 99" in unknown.warning


def test_grey_gets_a_profile_of_grey(tmp_path):
    save(Image.new("L", (64, 48), 128), tmp_path / "in.png", P3, LINEAR)
    icc = open_picture(tmp_path / "in.png").icc
    assert icc[16:20] == b"GRAY"
    np.testing.assert_allclose(in_srgb(icc, 128, "L"), (188, 188, 188), atol=1)


def test_the_profile_of_an_avif_goes_before_its_code_points(tmp_path, srgb):
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "AVIF", icc_profile=srgb)
    (tmp_path / "in.avif").write_bytes(file.getvalue())
    assert open_picture(tmp_path / "in.avif").icc == srgb


def test_the_code_points_of_a_png_go_before_its_profile(tmp_path, srgb):
    info = PngImagePlugin.PngInfo()
    info.add(b"cICP", bytes((P3, SRGB_CURVE, 0, 1)))
    Image.new("RGB", (8, 8)).save(tmp_path / "in.png", pnginfo=info, icc_profile=srgb)
    assert open_picture(tmp_path / "in.png").icc == CodePoints(P3, SRGB_CURVE).profile(grey=False)
