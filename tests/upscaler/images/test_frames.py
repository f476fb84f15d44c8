"""What each frame of an animation shows: frames that are taken away leave no trace."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from upscaler.images import FORMATS, Encoding, open_picture, save_picture
from upscaler.images.apng import Frame, write_animation

RED, BLUE, NOTHING = (255, 0, 0, 255), (0, 0, 255, 255), (0, 0, 0, 0)


def shown(picture):
    return [(frame.rgb, frame.alpha) for frame in (picture, *picture.following)]


def squares(count, blend, disposal):
    """An animated PNG of red squares side by side, each in its own frame."""
    stream = io.BytesIO()
    pictures = []
    for number in range(count):
        pixels = np.zeros((24, 64, 4), np.uint8)
        pixels[4:20, 4 + 12 * number : 20 + 12 * number] = RED
        pictures.append(pixels)
    write_animation(stream, [Frame(p, 100) for p in pictures], count, loop=0, level=1)
    content, place = bytearray(stream.getvalue()), -1
    while (place := content.find(b"fcTL", place + 1)) >= 0:
        content[place + 28 : place + 30] = bytes([disposal, blend])
        checked = struct.pack(">I", zlib.crc32(bytes(content[place : place + 30])))
        content[place + 30 : place + 34] = checked
    return content, pictures


@pytest.mark.parametrize(("disposal", "blend"), [(2, 1), (2, 0), (1, 1), (1, 0), (0, 0)])
def test_frames_of_a_png_do_not_pile_up(tmp_path, disposal, blend):
    content, pictures = squares(4, blend, disposal)
    (tmp_path / "in.png").write_bytes(content)
    for (rgb, alpha), expected in zip(
        shown(open_picture(tmp_path / "in.png")), pictures, strict=True
    ):
        np.testing.assert_array_equal(alpha[..., 0], expected[..., 3])
        np.testing.assert_array_equal(rgb * (alpha > 0), expected[..., :3])


def test_frames_of_a_png_that_stay_pile_up(tmp_path):
    content, pictures = squares(3, blend=1, disposal=0)
    (tmp_path / "in.png").write_bytes(content)
    last = open_picture(tmp_path / "in.png").following[-1]
    np.testing.assert_array_equal(last.alpha[..., 0], np.max(pictures, axis=0)[..., 3])


def gif(frames, background=None, size=(64, 24)):
    """A GIF of (left, top, width, height, colour, disposal), each with a palette of its own.

    A colour of None draws nothing.
    """
    content = b"GIF89a" + struct.pack("<HHBBB", *size, 0, 0, 0)
    for left, top, width, height, colour, disposal in frames:
        transparent = colour is None
        flags = disposal << 2 | transparent
        content += b"!\xf9\4" + struct.pack("<BHBB", flags, 10, 0, 0)
        palette = bytes(colour or (9, 9, 9)) + bytes(3)
        content += b"," + struct.pack("<HHHHB", left, top, width, height, 0x80) + palette
        content += packed(width * height)
    return content + b";"


def packed(count):
    """So many pixels of the first colour, as LZW that never grows."""
    codes = []
    for _ in range(count):
        codes += [4, 0]  # clear, then the colour
    codes.append(5)
    bits = sum(code << 3 * place for place, code in enumerate(codes))
    data = bits.to_bytes((3 * len(codes) + 7) // 8, "little")
    pieces = [data[place : place + 255] for place in range(0, len(data), 255)]
    return b"\2" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


FULL = (0, 0, 64, 24)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        # nothing below: each square is taken away again
        (
            [(*FULL, None, 2), (4, 4, 12, 12, RED[:3], 2), (30, 4, 12, 12, BLUE[:3], 2)],
            [(NOTHING, NOTHING), (RED, NOTHING), (NOTHING, BLUE)],
        ),
        # a picture below that stays: the squares cut holes into it
        (
            [(*FULL, (9, 9, 9), 1), (4, 4, 12, 12, RED[:3], 2), (30, 4, 12, 12, BLUE[:3], 2)],
            [((9, 9, 9, 255),) * 2, (RED, (9, 9, 9, 255)), (NOTHING, BLUE)],
        ),
        # a picture below that comes back
        (
            [(*FULL, (9, 9, 9), 1), (4, 4, 12, 12, RED[:3], 3), (30, 4, 12, 12, BLUE[:3], 3)],
            [((9, 9, 9, 255),) * 2, (RED, (9, 9, 9, 255)), ((9, 9, 9, 255), BLUE)],
        ),
        # all stays
        (
            [(*FULL, None, 0), (4, 4, 12, 12, RED[:3], 0), (30, 4, 12, 12, BLUE[:3], 1)],
            [(NOTHING, NOTHING), (RED, NOTHING), (RED, BLUE)],
        ),
    ],
)
def test_frames_of_a_gif(tmp_path, frames, expected):
    (tmp_path / "in.gif").write_bytes(gif(frames))
    picture = open_picture(tmp_path / "in.gif")
    for (rgb, alpha), (left, right) in zip(shown(picture), expected, strict=True):
        for column, colour in ((8, left), (34, right)):
            opacity = 255 if alpha is None else alpha[8, column, 0]
            assert opacity == colour[3]
            if opacity:
                assert tuple(rgb[8, column]) == colour[:3]
    assert {frame.milliseconds for frame in (picture, *picture.following)} == {100}


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("lossless", [True, False])
def test_webp_stays_as_it_was_coded(tmp_path, rng, frames, lossless):
    noise = [Image.fromarray(rng.integers(0, 256, (32, 48, 4), np.uint8)) for _ in range(frames)]
    path = tmp_path / "in.webp"
    noise[0].save(path, save_all=True, append_images=noise[1:], lossless=lossless, exact=True)
    picture = open_picture(path)
    assert picture.lossless is lossless
    save_picture(picture, tmp_path / "out.webp", FORMATS["webp"], Encoding(quality=50))
    again = open_picture(tmp_path / "out.webp")
    assert again.lossless is lossless
    for before, after in zip(shown(picture), shown(again), strict=True):
        assert np.array_equal(visible(*before), visible(*after)) is lossless


def visible(rgb, alpha):
    return np.dstack([rgb * (alpha > 0), alpha])


def test_what_comes_from_other_formats_is_lossy(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "in.png")
    save_picture(open_picture(tmp_path / "in.png"), tmp_path / "out.webp", FORMATS["webp"])
    assert not open_picture(tmp_path / "out.webp").lossless
