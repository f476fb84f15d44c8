"""Camera raw is refused, whatever it is called: its thumbnail is not the photograph."""

import numpy as np
import pytest
import tifffile

from upscaler.errors import ImageError, PassingError
from upscaler.images import open_picture, picture_size

WORDS = "camera raw, not yet a picture; develop it first"
VERSION = (50706, 1, 4, (1, 4, 0, 0), True)


@pytest.fixture
def small():
    return np.zeros((32, 48, 3), np.uint8)


def refused(path):
    for read in (open_picture, picture_size):
        with pytest.raises(ImageError, match=WORDS) as caught:
            read(path)
        assert not isinstance(caught.value, PassingError)  # it stays so


@pytest.mark.parametrize("name", ["in.dng", "in.tif", "in.jpg"])
@pytest.mark.parametrize("photometric", [32803, 34892])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_sensor_data_below_the_first_directory(tmp_path, small, name, photometric, bigtiff):
    with tifffile.TiffWriter(tmp_path / name, bigtiff=bigtiff) as writer:
        writer.write(small, photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        sensor = np.zeros((300, 400) if photometric == 32803 else (300, 400, 3), np.uint16)
        writer.write(sensor, photometric=photometric, metadata=None)
    refused(tmp_path / name)


def test_a_version_of_dng_alone(tmp_path, small):
    tifffile.imwrite(tmp_path / "in.tif", small, photometric="rgb", extratags=[VERSION])
    refused(tmp_path / "in.tif")


def test_sensor_data_in_a_later_page(tmp_path, small):
    with tifffile.TiffWriter(tmp_path / "in.tif") as writer:
        writer.write(small, photometric="rgb", metadata=None)
        writer.write(np.zeros((30, 40), np.uint16), photometric=32803, metadata=None)
    refused(tmp_path / "in.tif")


@pytest.mark.parametrize(
    "head",
    [
        b"II*\0\x10\0\0\0CR\x02\0",
        b"II*\0\x10\0\0\0IIII",
        b"\0\0\0\x18ftypcrx \0\0\0\1",
        b"FUJIFILMCCD-RAW 0201",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x08\0\0\0",
        b"\0MRM\0\0\0\0",
        b"FOVb\0\0\0\0",
        b"II\x1a\0\0\0HEAPCCDR",
    ],
)
def test_marks_of_makers(tmp_path, head):
    (tmp_path / "in.jpg").write_bytes(head + bytes(200))
    refused(tmp_path / "in.jpg")


def test_a_tiff_with_pages_and_smaller_copies_is_none(tmp_path, small):
    with tifffile.TiffWriter(tmp_path / "in.tif") as writer:
        writer.write(small, photometric="rgb", subifds=1)
        writer.write(small[::2, ::2], photometric="rgb", subfiletype=1)
        writer.write(small, photometric="rgb")
    assert len(open_picture(tmp_path / "in.tif").following) == 1
