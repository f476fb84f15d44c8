"""What AVIF files say of their main picture in boxes."""

import io
import struct

import numpy as np
import pytest
import pyvips
from PIL import Image

from upscaler.images import open_picture, picture_size, upright_size
from upscaler.images.isobmff import MainPicture, main_picture

ESSENTIAL = 0x80
CROP = struct.pack(">IIIIiIiI", 30, 1, 20, 1, -1, 1, -2, 1)
"""30 x 20 of 48 x 32, its middle one to the left and two above: from (8, 4)."""


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def boxes(data):
    found = []
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        found.append((kind, data[8:size]))
        data = data[size:]
    return found


def changed(data, name, change):
    """Describe the items of a file anew, behind all else, so that no offset changes."""
    meta = dict(boxes(data))[b"meta"]
    parts = [(kind, change(old) if kind == name else old) for kind, old in boxes(meta[4:])]
    anew = box(b"meta", meta[:4] + b"".join(box(*part) for part in parts))
    return data.replace(b"meta", b"free", 1) + anew


def with_property(data, kind, content):
    """Give item 1, the first in the list, one more property."""

    def change(old):
        parts = dict(boxes(old))
        number = len(boxes(parts[b"ipco"])) + 1
        parts[b"ipco"] += box(kind, content)
        head, count, rest = parts[b"ipma"][:10], parts[b"ipma"][10], parts[b"ipma"][11:]
        last = bytes((number | ESSENTIAL,))
        parts[b"ipma"] = head + bytes((count + 1,)) + rest[:count] + last + rest[count:]
        return b"".join(box(*part) for part in parts.items())

    return changed(data, b"iprp", change)


def premultiplied(data):
    """Say that item 1 has been multiplied with item 2, its opacity."""
    reference = box(b"prem", struct.pack(">HHH", 1, 1, 2))
    return changed(data, b"iref", lambda old: old + reference)


def encoded(pixels, bits):
    """An AVIF file without loss."""
    if bits == 8:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "AVIF", quality=100, subsampling="4:4:4")
        return file.getvalue()
    deep = np.uint16(pixels) * 257
    image = pyvips.Image.new_from_array(deep).copy(interpretation="rgb16")
    return image.heifsave_buffer(compression="av1", bitdepth=bits, lossless=True)


@pytest.fixture
def smooth():
    """(32, 48, 3) uint8."""
    y, x = np.mgrid[0:32, 0:48]
    return np.stack([x * 5, y * 7, (x + y) * 3], axis=2).astype(np.uint8)


def eight_bits(picture):
    return (picture.pixels // 257 if picture.is_sixteen_bit else picture.pixels).astype(int)


@pytest.mark.parametrize("bits", [8, 10])
def test_the_part_that_is_to_be_shown(tmp_path, smooth, bits):
    path = tmp_path / "in.avif"
    path.write_bytes(with_property(encoded(smooth, bits), b"clap", CROP))
    picture = open_picture(path)
    assert picture.shape[:2] == (20, 30)
    assert np.abs(eight_bits(picture) - smooth[4:24, 8:38]).max() <= 4
    if bits == 8:
        assert picture_size(path)[:2] == upright_size(path)[:2] == (30, 20)


@pytest.mark.parametrize("angle", [1, 2, 3])
def test_it_is_cut_out_before_it_is_turned(tmp_path, smooth, angle):
    path = tmp_path / "in.avif"
    data = with_property(encoded(smooth, 8), b"clap", CROP)
    path.write_bytes(with_property(data, b"irot", bytes((angle,))))
    expected = np.rot90(smooth[4:24, 8:38], angle)
    picture = open_picture(path)
    assert picture.colour.shape == expected.shape
    assert np.abs(picture.colour.astype(int) - expected).max() <= 4
    assert upright_size(path)[:2] == (picture.width, picture.height)


@pytest.mark.parametrize("crop", [(60, 1, 20, 1, 0, 1, 0, 1), (30, 0, 20, 1, 0, 1, 0, 1)])
def test_a_part_that_cannot_be_is_passed_over(smooth, crop):
    data = with_property(encoded(smooth, 8), b"clap", struct.pack(">IIIIiIiI", *crop))
    assert main_picture(io.BytesIO(data)).crop_box(48, 32) is None


@pytest.mark.parametrize("bits", [8, 10])
def test_colours_multiplied_with_their_opacity_are_divided_again(tmp_path, smooth, bits):
    alpha = np.full((32, 48, 1), 60, np.uint8)
    alpha[:, 24:], alpha[:4] = 200, 0
    stored = np.concatenate([np.rint(smooth * (alpha / 255)).astype(np.uint8), alpha], axis=2)
    path = tmp_path / "in.avif"
    path.write_bytes(premultiplied(encoded(stored, bits)))
    picture = open_picture(path)
    shown = alpha[..., 0] > 0
    difference = np.abs(eight_bits(picture)[..., :3] - smooth)[shown]
    assert difference.mean() < 3 and difference.max() <= 16  # 60 of 255 hold few steps
    assert np.abs(eight_bits(picture)[..., 3:] - alpha).max() <= 4


def test_boxes_that_are_damaged_say_nothing(rng, smooth):
    data = bytearray(with_property(encoded(smooth, 8), b"clap", CROP))
    start = data.rindex(b"meta")
    for _ in range(2000):
        broken = bytearray(data)
        for place in rng.integers(start, len(data), 3):
            broken[place] = rng.integers(0, 256)
        found = main_picture(io.BytesIO(bytes(broken[: rng.integers(start, len(data))])))
        assert isinstance(found, MainPicture)
        found.crop_box(48, 32)
