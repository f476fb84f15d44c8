"""TARGA, DDS, JPEG 2000, Photoshop and JPEG XL: the right pixels, and what is dropped is said."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from upscaler.errors import ImageError, PassingError
from upscaler.images import open_picture, upright_size


@pytest.fixture
def blocks(rng):
    """(32, 48, 4) of plain squares, so that no coder changes them much."""
    return np.kron(rng.integers(0, 256, (4, 6, 4), np.uint8), np.ones((8, 8, 1), np.uint8))


def check(path, expected, *warnings):
    picture = open_picture(path)
    np.testing.assert_array_equal(picture.pixels, expected)
    assert picture.warnings == warnings
    assert upright_size(path)[:2] == (expected.shape[1], expected.shape[0])
    return picture


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("options", [{}, {"rle": True}, {"orientation": 1}])
def test_targa(tmp_path, blocks, channels, options):
    pixels = blocks[..., 0] if channels == 1 else blocks[..., :channels]
    Image.fromarray(pixels).save(tmp_path / "in.tga", **options)
    check(tmp_path / "in.tga", pixels[..., None] if channels == 1 else pixels)


def test_a_fourth_channel_that_targa_does_not_call_transparency(tmp_path, blocks):
    """Often it is 0 everywhere, and the picture would be gone."""
    blocks[..., 3] = 0
    Image.fromarray(blocks).save(tmp_path / "in.tga")
    content = bytearray((tmp_path / "in.tga").read_bytes())
    content[17] &= 0xF0
    (tmp_path / "in.tga").write_bytes(content)
    words = "dropped its fourth channel, which it does not call transparency"
    check(tmp_path / "in.tga", blocks[..., :3], words)


def test_noise_is_no_targa_by_any_other_name(tmp_path, blocks):
    Image.fromarray(blocks).save(tmp_path / "in.tga")
    (tmp_path / "in.png").write_bytes((tmp_path / "in.tga").read_bytes())
    with pytest.raises(ImageError, match="not an image"):
        open_picture(tmp_path / "in.png")


@pytest.mark.parametrize("channels", [3, 4])
def test_dds(tmp_path, blocks, channels):
    Image.fromarray(blocks[..., :channels]).save(tmp_path / "in.dds")
    check(tmp_path / "in.dds", blocks[..., :channels])


def test_the_first_side_of_a_cube_is_kept(tmp_path, blocks):
    Image.fromarray(blocks).save(tmp_path / "in.dds")
    content = bytearray((tmp_path / "in.dds").read_bytes())
    content[112:116] = struct.pack("<I", 0xFE00)
    (tmp_path / "in.dds").write_bytes(content)
    check(tmp_path / "in.dds", blocks, "kept the first picture of a cube or volume")


@pytest.mark.parametrize("extension", ["jp2", "j2k"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_jpeg_2000(tmp_path, blocks, extension, channels):
    pixels = blocks[..., 0] if channels == 1 else blocks[..., :channels]
    Image.fromarray(pixels).save(tmp_path / f"in.{extension}")
    check(tmp_path / f"in.{extension}", pixels[..., None] if channels == 1 else pixels)


def box(kind, content):
    return struct.pack(">I", len(content) + 8) + kind + content


def test_jpeg_2000_with_a_profile_and_metadata(tmp_path, blocks, srgb):
    """Pillow reads none of them."""
    stream = io.BytesIO()
    Image.fromarray(blocks[..., :3]).save(stream, "JPEG2000")
    content = stream.getvalue()
    start = content.index(b"colr") - 4
    size = int.from_bytes(content[start : start + 4], "big")
    colour = box(b"colr", b"\2\0\0" + srgb)
    head = content.index(b"jp2h") - 4
    longer = int.from_bytes(content[head : head + 4], "big") + len(colour) - size
    exif = Image.Exif()
    exif[271], exif[274] = "A camera", 6  # which has been applied
    content = content[:head] + struct.pack(">I", longer) + content[head + 4 :]
    content = content[:start] + colour + content[start + size :]
    content += box(b"uuid", b"JpgTiffExif->JP2" + exif.tobytes().removeprefix(b"Exif\0\0"))
    content += box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + b"<x/>")
    (tmp_path / "in.jp2").write_bytes(content)
    picture = check(tmp_path / "in.jp2", blocks[..., :3])
    assert (picture.icc, picture.xmp) == (srgb, b"<x/>")
    assert b"A camera" in picture.exif


def test_jpeg_2000_of_sixteen_bits_is_reduced(tmp_path, blocks):
    """No encoder here writes one in colour: only its header says so."""
    grey = Image.fromarray(blocks[..., 0].astype(np.uint16) * 257)
    grey.save(tmp_path / "in.jp2")
    check(tmp_path / "in.jp2", blocks[..., :1], "reduced to 8 bits per channel")


def psd(pixels, *, bits=8, mode=3, version=1, layers=0, resources=b""):
    """A Photoshop file of (H, W, C), not compressed."""
    height, width, channels = pixels.shape
    head = struct.pack(">4sH6xHIIHH", b"8BPS", version, channels, height, width, bits, mode)
    info = struct.pack(">Ih", 2, layers) if layers else b""
    planes = b"\0\0" + pixels.transpose(2, 0, 1).tobytes()
    parts = (b"", resources, info)
    return head + b"".join(struct.pack(">I", len(part)) + part for part in parts) + planes


def resource(number, content):
    padded = content + bytes(len(content) % 2)
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + padded


def test_photoshop(tmp_path, blocks, srgb):
    said = resource(1039, srgb) + resource(1060, b"<x/>") + resource(1028, b"\x1c\2\x78\0\1A")
    said += resource(1005, struct.pack(">IHHIHH", 300 << 16, 1, 1, 300 << 16, 1, 1))
    (tmp_path / "in.psd").write_bytes(psd(blocks[..., :3], layers=2, resources=said))
    words = "kept the merged picture, not its layers"
    picture = check(tmp_path / "in.psd", blocks[..., :3], words)
    assert (picture.icc, picture.xmp, picture.iptc) == (srgb, b"<x/>", b"\x1c\2\x78\0\1A")
    assert picture.dpi == (300, 300)


def test_what_photoshop_lays_on_white_is_taken_off_again(tmp_path, blocks):
    share = blocks[..., 3:] / 255
    blocks[..., :3] = np.rint(blocks[..., :3] * share + 255 * (1 - share))
    meant = open_psd(tmp_path, psd(blocks, layers=-1))
    shown = np.rint(meant.colour * share + 255 * (1 - share))
    assert np.abs(shown - blocks[..., :3]).max() <= 1
    np.testing.assert_array_equal(meant.alpha, blocks[..., 3:])


def open_psd(folder, content):
    (folder / "in.psd").write_bytes(content)
    return open_picture(folder / "in.psd")


@pytest.mark.parametrize("layers", [0, 1])
def test_a_selection_is_no_transparency(tmp_path, blocks, layers):
    picture = open_psd(tmp_path, psd(blocks, layers=layers))
    np.testing.assert_array_equal(picture.pixels, blocks[..., :3])
    assert picture.warnings[-1] == "dropped 1 channel beside its colours"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bits": 16}, "a Photoshop file of 16 bits a channel, which is not supported"),
        ({"bits": 32}, "a Photoshop file of 32 bits a channel, which is not supported"),
        ({"mode": 7}, "of a channel for each ink, which is not supported"),
        ({"version": 2}, r"of a large document \(PSB\), which is not supported; save it as TIFF"),
        ({"resources": resource(1057, b"\0\0\0\1\0")}, "'Maximize Compatibility'"),
    ],
)
def test_photoshop_files_that_are_not_read(tmp_path, blocks, options, words):
    with pytest.raises(ImageError, match=words):
        open_psd(tmp_path, psd(blocks[..., :3], **options))


def test_jpeg_xl_without_its_reader_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_jxl", None)
    for head in (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"):
        (tmp_path / "in.jxl").write_bytes(head + bytes(50))
        with pytest.raises(PassingError, match="pip install pillow-jxl-plugin"):
            open_picture(tmp_path / "in.jxl")
