"""JPEG files without the mark at their end, and with something behind it."""

import numpy as np
import pytest
from PIL import Image

from upscaler.errors import ImageError
from upscaler.images import open_picture, open_rows, picture_size

VIDEO = b"\0\0\0\x10ftypmp42\0\0\0\0\0\0\0\x10mdat" + bytes(8)


@pytest.fixture(params=[{}, {"progressive": True}, {"subsampling": 0, "restart_marker_rows": 1}])
def whole(request, tmp_path, photo):
    path = tmp_path / "whole.jpg"
    Image.fromarray(photo).save(path, quality=95, **request.param)
    return path


def test_without_its_end_a_whole_picture_is_read(tmp_path, whole):
    (tmp_path / "in.jpg").write_bytes(whole.read_bytes()[:-2])
    picture = open_picture(tmp_path / "in.jpg")
    np.testing.assert_array_equal(picture.colour, open_picture(whole).colour)
    assert picture.warnings == ("the mark at its end is missing; its picture is complete",)
    assert picture_size(tmp_path / "in.jpg") == picture_size(whole)
    with open_rows(tmp_path / "in.jpg") as rows:
        assert rows is None  # libvips would fail at the last of them


@pytest.mark.parametrize("missing", [6, 60, 600])
def test_without_some_of_its_picture_it_is_damaged(tmp_path, whole, missing):
    (tmp_path / "in.jpg").write_bytes(whole.read_bytes()[: -2 - missing])
    with pytest.raises(ImageError, match="damaged: image file is truncated"):
        open_picture(tmp_path / "in.jpg")


def test_a_thumbnail_has_an_end_of_its_own(tmp_path, whole):
    """The mark in it is not that of the picture."""
    content = whole.read_bytes()
    small = b"\xff\xe1\0\x0cExif\0\0\xff\xd9\xff\xd9"
    (tmp_path / "in.jpg").write_bytes(content[:2] + small + content[2:-2])
    assert "mark at its end" in open_picture(tmp_path / "in.jpg").warnings[-1]


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (VIDEO, ("dropped the video of a motion photo",)),
        (b"padding" + VIDEO, ("dropped the video of a motion photo",)),
        (b"something", ("dropped 9 bytes that stand behind the picture",)),
        (bytes(100), ()),
        (b"", ()),
    ],
)
def test_what_stands_behind_the_picture_is_said(tmp_path, whole, behind, words):
    (tmp_path / "in.jpg").write_bytes(whole.read_bytes() + behind)
    assert open_picture(tmp_path / "in.jpg").warnings == words
    with open_rows(tmp_path / "in.jpg") as rows:
        assert rows.facts.warnings == words
