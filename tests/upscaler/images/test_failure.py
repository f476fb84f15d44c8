"""Damage is said of what is damaged, and of nothing else; decoders print nothing past us."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from upscaler.errors import ImageError, PassingError
from upscaler.images import open_picture
from upscaler.images.failure import reading_failed


def words_on(path):
    with pytest.raises(ImageError) as caught:
        open_picture(path)
    return str(caught.value)


@pytest.mark.parametrize(("number", "name"), [(34712, "JPEG 2000"), (34887, "LERC"), (777, "777")])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_compression_that_no_decoder_knows(tmp_path, number, name, dtype):
    path = tmp_path / "in.tif"
    tifffile.imwrite(path, np.zeros((32, 48, 3), dtype), photometric="rgb", metadata=None)
    content = bytearray(path.read_bytes())
    entry = content.index(b"\x03\x01\x03\0\x01\0\0\0")
    content[entry + 8 : entry + 10] = number.to_bytes(2, "little")
    path.write_bytes(content)
    words = words_on(path)
    assert words.startswith("not supported") and name in words and "damaged" not in words


def test_a_bitmap_of_an_unknown_kind(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "in.bmp")
    content = bytearray((tmp_path / "in.bmp").read_bytes())
    content[30] = 9  # its compression
    (tmp_path / "in.bmp").write_bytes(content)
    assert words_on(tmp_path / "in.bmp").startswith("not supported: Unsupported BMP compression")


def test_a_texture_of_an_unknown_kind(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "in.dds")
    content = bytearray((tmp_path / "in.dds").read_bytes())
    content[80:88] = b"\4\0\0\0ZZZZ"  # its pixels are coded, as nobody knows
    (tmp_path / "in.dds").write_bytes(content)
    assert words_on(tmp_path / "in.dds").startswith("not supported: Unimplemented pixel format")


def test_damage_is_still_called_so(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "in.tif", compression="tiff_adobe_deflate")
    content = bytearray((tmp_path / "in.tif").read_bytes())
    content[8:3000] = bytes(2992)
    (tmp_path / "in.tif").write_bytes(content)
    assert words_on(tmp_path / "in.tif").startswith("damaged")


def test_libtiff_and_libvips_print_nothing(tmp_path, photo):
    """Only a program of its own shows what they write past Python."""
    source = tmp_path / "in"
    source.mkdir()
    for name, compression in (("a", "tiff_adobe_deflate"), ("b", "jpeg")):
        Image.fromarray(photo).save(source / f"{name}.tif", compression=compression)
        content = bytearray((source / f"{name}.tif").read_bytes())
        for place in range(60, len(content) - 300, 37):
            content[place] ^= 0x5A
        (source / f"{name}.tif").write_bytes(content)
    tifffile.imwrite(source / "c.tif", np.zeros((9, 7, 3), np.uint16), photometric="rgb")
    content = (source / "c.tif").read_bytes().replace(b"\x1a\x01\x05\0", b"\xe8\xfd\x05\0")
    (source / "c.tif").write_bytes(content)  # a tag that libtiff warns of
    command = [sys.executable, "-m", "upscaler", "run", source, tmp_path / "out", "-m", "fast"]
    command += ["-s", "2", "-r", "cpu"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    lines = ended.stderr.splitlines()
    assert all(line.startswith(("failed: ", "3 pictures, ")) for line in lines), lines
    assert len(lines) == 3


def test_what_the_machine_lacks_is_not_called_damage():
    assert isinstance(reading_failed("system error: No space left on device"), PassingError)
    assert not isinstance(reading_failed("libpng read error"), PassingError)
