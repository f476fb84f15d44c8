"""Sizes between the scales of the networks."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from upscaler import Upscaler
from upscaler.errors import ImageError, UsageError
from upscaler.images import Picture, open_picture, png, resample
from upscaler.inference.size import Size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (Size(1.5), (90, 60)),
        (Size(4, width=100), (100, 67)),
        (Size(4, height=100), (150, 100)),
        (Size(4, long_side=120), (120, 80)),
        (Size(1.001), (60, 40)),
    ],
)
def test_a_size_keeps_the_shape(size, expected):
    assert size.of(60, 40) == expected


def test_two_sides_are_refused():
    with pytest.raises(UsageError, match="--width and --long-side"):
        Size(4, width=100, long_side=200)


@pytest.mark.parametrize("scale", [0, 0.5, -2, float("nan"), float("inf"), "2", None, True])
def test_a_scale_is_a_number_from_1(scale):
    with pytest.raises(UsageError, match=f"scale is {scale!r}; give a number from 1"):
        Size(scale)
    if scale is not None:  # which leaves it to the model
        with pytest.raises(UsageError, match="scale is"):
            Upscaler("fast", scale=scale)
        with pytest.raises(UsageError, match="scale is"):
            Upscaler("fast", scale=scale, size=Size(width=100))


@pytest.mark.parametrize("side", [0, -1, 1.5, "100"])
def test_a_side_is_a_number_of_pixels(side):
    with pytest.raises(UsageError, match=f"long_side is {side!r}; give a number of pixels"):
        Size(long_side=side)


def test_a_tuple_is_no_size():
    with pytest.raises(UsageError, match=r"size is \(100, 100\); give a Size, such as"):
        Upscaler("fast", size=(100, 100))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("scale", [1.5, 2, 3])
def test_any_shape_by_any_factor(shape, scale):
    upscaler = Upscaler("fast", scale=scale, runtime="cpu")
    large = upscaler(np.full(shape, 77, np.uint8))
    assert large.shape == tuple(max(1, round(side * scale)) for side in shape)
    assert np.abs(large.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_light_is_averaged_not_its_code(dtype):
    peak = np.iinfo(dtype).max
    stripes = np.zeros((64, 64, 1), dtype)
    stripes[:, ::2] = peak
    half = resample(Picture(colour=stripes), 16, 16)
    assert half.colour.dtype == dtype
    middle = half.colour[4:-4, 4:-4] / peak
    np.testing.assert_allclose(middle, 0.7354, atol=0.004)  # sRGB's code for half the light


def test_what_is_transparent_lends_no_colour(rng):
    colour = np.zeros((32, 32, 3), np.uint8)
    colour[:, :16] = (200, 100, 50)
    colour[:, 16:] = (0, 255, 0)
    alpha = np.zeros((32, 32, 1), np.uint8)
    alpha[:, :16] = 255
    small = resample(Picture(colour=colour, alpha=alpha), 10, 10)
    seen = small.alpha[..., 0] > 8
    assert np.abs(small.colour[seen].astype(int) - (200, 100, 50)).max() <= 2
    assert small.alpha[:, 0].min() == 255 and small.alpha[:, -1].max() == 0


def test_a_run_makes_the_size_asked_for(command, folder, tmp_path):
    flags = ("-r", "cpu", "-s", 4)
    code, _, errors = command("run", folder, tmp_path / "out", "--long-side", 150, *flags)
    assert code == 1 and "grey.png: would have to become" in errors
    assert open_picture(tmp_path / "out" / "a.png").colour.shape == (105, 150, 3)
    with Image.open(tmp_path / "out" / "b.jpg") as image:
        assert image.size == (150, 105)
    command("run", folder, tmp_path / "out", "--long-side", 140, *flags, "--overwrite")
    assert open_picture(tmp_path / "out" / "a.png").colour.shape == (98, 140, 3)  # made again


def test_a_picture_that_is_large_enough_is_left_out(command, folder, tmp_path, names):
    arguments = ("run", folder, tmp_path / "out", "-m", "fast", "-r", "cpu", "--width", 40)
    code, said, _ = command(*arguments, "-n", "-v")
    assert code == 0 and "large enough: a.png\n" in said
    words = "2 left out as large enough (--shrink makes them smaller)"
    assert f"1 to do, {words}; " in said
    for before in ("1 done", "nothing to do, 1 already done"):
        code, said, _ = command(*arguments)
        assert code == 0 and said.startswith(before) and words in said
        assert names(tmp_path / "out") == ["sub/grey.png"]
    code, said, _ = command(*arguments, "--json")
    assert json.loads(said.splitlines()[-1])["large-enough"] == 2
    assert command(*arguments, "--shrink")[0] == 0
    for name in names(tmp_path / "out"):
        with Image.open(tmp_path / "out" / name) as image:
            assert image.width == 40


@pytest.mark.parametrize(
    ("size", "larger"),
    [
        (Size(width=31), True),
        (Size(width=30), False),
        (Size(height=21), True),
        (Size(height=20), False),
        (Size(long_side=29), False),
        (Size(1), True),  # a multiple is made of any picture
    ],
    ids=str,
)
def test_what_makes_a_picture_of_30x20_larger(size, larger):
    assert size.enlarges(30, 20) == larger


def test_more_than_the_model_makes_is_refused(photo):
    with pytest.raises(ImageError, match="4.54 times as large, and the model makes 4 times"):
        Upscaler("fast", scale=4, runtime="cpu", size=Size(width=240))(photo)


def test_a_side_takes_the_least_scale_that_does(photo):
    """As a factor does; more than four times go in two passes."""
    width = photo.shape[1]
    with Upscaler("fast", runtime="cpu", size=Size(width=2 * width - 10)) as upscaler:
        factor = (2 * width - 10) / width
        with Upscaler("fast", runtime="cpu", scale=factor) as other:
            assert (upscaler(photo) == other(photo)).all()
        assert upscaler(photo[:, : width // 2]).shape[1] == 2 * width - 10  # by x4
        assert upscaler(photo[:20, :20]).shape[1] == 2 * width - 10  # in two passes
        opened = list(upscaler._enlargers._opened)
    assert opened == ["fast-x2", "fast-x4", "fast-x4 + fast-x2"]


def test_pages_of_different_sizes_take_what_the_smallest_needs(rng):
    small, large = (Picture(colour=rng.integers(0, 255, (8, w, 3), np.uint8)) for w in (10, 30))
    with Upscaler("fast", runtime="cpu", size=Size(width=40)) as upscaler:
        made = upscaler.enlarge(replace(large, following=(small,)))
    assert [page.width for page in (made, *made.following)] == [40, 40]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_becomes_smaller_is_only_resampled(rng, dtype):
    picture = Picture(colour=rng.integers(0, 255, (40, 60, 3), dtype))
    with Upscaler("fast", runtime="cpu", size=Size(width=30)) as upscaler:
        made = upscaler.enlarge(replace(picture, following=(picture,)))
        assert (made.colour == resample(picture, 30, 20).colour).all()
        assert made.following[0].width == 30
        same = upscaler.enlarge(Picture(colour=picture.colour[:, :30]))
        assert (same.colour == picture.colour[:, :30]).all()


def test_auto_takes_the_least_scale_too(photo):
    with Upscaler(runtime="cpu", size=Size(width=photo.shape[1] + 10)) as upscaler:
        upscaler(photo)
        assert list(upscaler._enlargers._opened) == ["balanced-x2", "photo-x2"]


@pytest.fixture
def turned(tmp_path):
    """Pictures of 4200x10 pixels, stored on their side in each format that says so."""
    folder = tmp_path / "turned"
    folder.mkdir()
    exif = Image.Exif()
    exif[274] = 6
    for ending in ("jpg", "png", "tif", "webp", "avif"):
        Image.new("RGB", (10, 4200), (200, 100, 50)).save(folder / f"{ending}.{ending}", exif=exif)
    return folder


@pytest.mark.parametrize("wanted", [("--width", 4300), ("--height", 12), ("-s", 1)])
def test_a_dry_run_names_the_size_that_turned_pictures_get(command, turned, tmp_path, wanted):
    arguments = ("run", turned, tmp_path / "out", "-f", "png", "-m", "fast", "-r", "cpu", *wanted)
    _, said, _ = command(*arguments, "--dry-run", "--json")
    code, _, _ = command(*arguments)
    *files, _ = map(json.loads, said.splitlines())
    assert code == 0 and len(files) == 5
    for file in files:
        with Image.open(file["target"]) as image:
            assert image.size == (file["width"], file["height"]), file["name"]


def test_a_turned_picture_is_measured_as_it_is_shown(command, turned, tmp_path):
    """On its side, 10 pixels would become 4300, and 4200 more than WebP holds."""
    arguments = (turned, tmp_path / "out", "--include", "jpg.jpg", "-f", "webp", "--width", 4300)
    code, _, errors = command("run", *arguments, "-m", "fast", "-r", "cpu", "-q")
    assert (code, errors) == (0, "")


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--max-pixels", 1000), "1961 pixels are more than the limit of 1000"),
        (("--width", 9000), "would have to become 169.81 times as large"),
    ],
)
def test_a_dry_run_fails_what_the_run_would(command, folder, tmp_path, flags, reason):
    arguments = ("run", folder, tmp_path / "out", "--include", "a.png", "-r", "cpu", *flags)
    code, said, _ = command(*arguments, "--dry-run")
    assert code == 1 and f"failed: a.png: {reason}" in said
    code, _, errors = command(*arguments)
    assert code == 1 and f"failed: a.png: {reason}" in errors


def test_a_dry_run_heeds_a_higher_limit(command, tmp_path):
    """A header is enough for it."""
    head = struct.pack(">IIBBBBB", 30_000, 20_000, 8, 0, 0, 0, 0)
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        png.write_signature(file)
        for chunk in ((b"IHDR", head), (b"IDAT", b""), png.END):
            png.write_chunk(file, *chunk)
    arguments = ("run", large, tmp_path / "out", "--dry-run", "-s", 2)
    assert command(*arguments)[0] == 1
    code, said, _ = command(*arguments, "--max-pixels", 600_000_000, "-v")
    assert code == 0 and "60000x40000" in said


def test_what_is_mixed_goes_in_one_pass_and_by_need(photo):
    width = photo.shape[1]
    with Upscaler(restore=0.5, runtime="cpu", size=Size(width=4 * width)) as upscaler:
        assert upscaler(photo).shape[1] == 4 * width
        with pytest.raises(ImageError, match="8.16 times as large, and the model makes 4 times"):
            upscaler(photo[:, : width // 2])
