"""What the names of files promise."""

from pathlib import Path

import pytest

from upscaler.images import (
    FORMATS,
    NOT_READ,
    format_of,
    images_in,
    is_image_name,
    kept_format,
)


def test_the_extension_says_the_format():
    assert format_of(Path("a.JPEG")) is FORMATS["jpg"]
    assert format_of(Path("a.gif")) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("a.png", True), ("a.HEIC", True), ("a.jxl", True), ("a.cr2", True), ("a.svg", True)),
        *(("a.txt", False), ("photos", False)),
    ],
)
def test_names_of_images_in_formats_known_or_not(name, expected):
    assert is_image_name(Path(name)) == expected


@pytest.mark.parametrize(
    ("extensions", "becomes"),
    [
        (".jpg .jpeg .jpe .jfif .jif .pjpeg .pjp .mpo .jpg_large .JPG_ORIG", "jpg"),
        (".gif .ico .ppm .tga .dds .jp2 .j2k .jpx .jxl .psd .heic .hif .png_large", "png"),
        (".webp", "webp"),
    ],
)
def test_every_extension_that_is_read_comes_out_as_something(extensions, becomes):
    for extension in extensions.split():
        assert kept_format(Path(f"a{extension}")) is FORMATS[becomes], extension


def test_no_extension_is_both_read_and_not_read():
    assert not [extension for extension in NOT_READ if kept_format(Path(f"a{extension}"))]


def test_images_of_a_folder_come_in_order(folder):
    (folder / "folder.png").mkdir()
    assert images_in(folder) == [folder / "a.png", folder / "b.jpg"]
    everywhere = [folder / name for name in ("a.png", "b.jpg", "sub/grey.png")]
    assert images_in(folder, below=True) == everywhere
