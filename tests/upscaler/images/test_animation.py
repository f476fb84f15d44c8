"""Animations and files of several pages: every frame, its time, and how often all is played."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from upscaler.errors import ImageError
from upscaler.images import (
    FORMATS,
    Encoding,
    Picture,
    open_picture,
    picture_size,
    save_picture,
)

TIMES = [40, 100, 250]


@pytest.fixture
def frames(rng):
    """Three pictures that no encoder takes for one."""
    return [
        Image.fromarray(
            np.full((16, 24, 3), shade, np.uint8) + rng.integers(0, 9, (16, 24, 1), np.uint8)
        )
        for shade in (10, 110, 210)
    ]


@pytest.fixture(params=["gif", "webp", "png", "avif"])
def animation(request, tmp_path, frames):
    path = tmp_path / f"in.{request.param}"
    options = {"lossless": True} if request.param == "webp" else {"quality": 95}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=TIMES, loop=3, **options)
    return path


@pytest.mark.parametrize("target", ["png", "webp", "avif"])
def test_every_frame_comes_out_with_its_time(tmp_path, animation, frames, target):
    assert picture_size(animation)[:3] == (24, 16, 3)
    path = tmp_path / f"out.{target}"
    save_picture(open_picture(animation), path, FORMATS[target])
    with Image.open(path) as image:
        assert image.n_frames == 3
        if not {animation.suffix, f".{target}"} & {".avif"}:  # it plays for ever
            assert image.info["loop"] == 3
        for number, (frame, time) in enumerate(zip(frames, TIMES, strict=True)):
            image.seek(number)
            image.load()
            assert image.info["duration"] == time
            off = np.abs(np.asarray(image.convert("RGB")).astype(int) - np.asarray(frame))
            assert off.mean() < 6


def test_frames_with_and_without_transparency_go_into_one_file(tmp_path, frames):
    frames[0].save(tmp_path / "in.png", save_all=True, append_images=frames[1:], duration=50)
    picture = open_picture(tmp_path / "in.png")
    alpha = np.full((16, 24, 1), 100, np.uint8)
    mixed = replace(picture, following=(replace(picture.following[0], alpha=alpha),))
    save_picture(mixed, tmp_path / "out.png", FORMATS["png"])
    with Image.open(tmp_path / "out.png") as image:
        assert image.mode == "RGBA" and image.getpixel((0, 0))[3] == 255
        image.seek(1)
        assert image.getpixel((0, 0))[3] == 100


@pytest.mark.parametrize("level", [1, 6])
def test_equal_frames_stay_apart(tmp_path, frames, level):
    """Pillow makes one of them."""
    pages = [np.asarray(frame) for frame in (frames[0], frames[0], frames[1])]
    first, *others = (Picture(page, milliseconds=70, loop=0) for page in pages)
    animation = replace(first, following=tuple(others))
    save_picture(animation, tmp_path / "out.png", FORMATS["png"], Encoding(png_level=level))
    again = open_picture(tmp_path / "out.png")
    for frame, page in zip((again, *again.following), pages, strict=True):
        np.testing.assert_array_equal(frame.colour, page)
        assert frame.milliseconds == 70


def test_pages_keep_their_own_sizes(tmp_path, rng):
    pages = [
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)) for shape in ((9, 7, 3), (5, 11))
    ]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    picture = open_picture(tmp_path / "in.tif")
    save_picture(picture, tmp_path / "out.tif", FORMATS["tiff"])
    with Image.open(tmp_path / "out.tif") as image:
        for number, page in enumerate(pages):
            image.seek(number)
            assert image.mode == page.mode
            np.testing.assert_array_equal(np.asarray(image), np.asarray(page))


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("webp", "jpg", "3 frames, which jpg does not hold; use --format png or webp or avif"),
        ("tiff", "png", "3 pages, which png does not hold; use --format tiff"),
    ],
)
def test_what_holds_one_picture_refuses_more(tmp_path, frames, source, target, words):
    frames[0].save(tmp_path / f"in.{source}", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=words):
        save_picture(
            open_picture(tmp_path / f"in.{source}"), tmp_path / f"out.{target}", FORMATS[target]
        )


def test_a_page_that_is_a_smaller_copy_is_left_out(tmp_path, frames):
    import tifffile

    with tifffile.TiffWriter(tmp_path / "in.tif") as writer:
        writer.write(np.asarray(frames[0]), photometric="rgb")
        writer.write(np.asarray(frames[0])[::2, ::2], photometric="rgb", subfiletype=1)
    assert open_picture(tmp_path / "in.tif").following == ()


def test_a_frame_beyond_the_first_is_cut_off(tmp_path, frames):
    """A frame of a GIF may reach beyond its canvas; Pillow then makes the canvas larger."""
    frames = [frame.crop((0, 0, 8, 8)) for frame in frames[:2]]
    path = tmp_path / "in.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, disposal=1)
    content = bytearray(path.read_bytes())
    second = content.rindex(b"\x2c\0\0\0\0\x08\0\x08\0")
    content[second + 1] = 4  # its left edge
    path.write_bytes(content)
    picture = open_picture(path)
    assert {each.colour.shape[:2] for each in (picture, *picture.following)} == {(8, 8)}
    save_picture(picture, tmp_path / "out.png", FORMATS["png"])
    with Image.open(tmp_path / "out.png") as image:
        assert image.n_frames == 2


def test_pages_count_together(tmp_path):
    pages = [Image.new("L", size) for size in ((2, 2), (100, 90), (100, 90))]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ImageError, match="18004 pixels are more"):
        open_picture(tmp_path / "in.tif", 10000)
