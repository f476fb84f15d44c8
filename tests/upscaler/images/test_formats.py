"""What the names of files promise."""

from pathlib import Path

import pytest

from upscaler.images import FORMATS, format_of, images_in, is_image_name


def test_the_extension_says_the_format():
    assert format_of(Path("a.JPEG")) is FORMATS["jpg"]
    assert format_of(Path("a.gif")) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.png", True), ("a.HEIC", True), ("a.jxl", True), ("a.txt", False), ("photos", False)],
)
def test_names_of_images_in_formats_known_or_not(name, expected):
    assert is_image_name(Path(name)) == expected


def test_images_of_a_folder_come_in_order(folder):
    (folder / "folder.png").mkdir()
    assert images_in(folder) == [folder / "a.png", folder / "b.jpg"]
    everywhere = [folder / name for name in ("a.png", "b.jpg", "sub/grey.png")]
    assert images_in(folder, below=True) == everywhere
