"""`upscaler try`: one picture through every model."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from upscaler.images import Picture
from upscaler.models import packaged_models
from upscaler.page.tryout import Folder, cut, most_detail, tries


@pytest.fixture
def detailed(rng):
    """Flat but for a part of 100 x 100 with fine texture; a hard edge crosses it elsewhere."""
    pixels = np.full((700, 900, 3), 90, np.uint8)
    pixels[:, 500:] = 200
    pixels[40:140, 620:720] = rng.integers(120, 255, (100, 100, 3))
    return Picture.from_pixels(pixels)


def test_the_part_with_the_most_detail_is_found(detailed):
    left, top, width, height = most_detail(detailed)
    assert (width, height) == (320, 320)
    assert left <= 620 and left + width >= 720 and top <= 40 and top + height >= 140


@pytest.mark.parametrize("size", [(320, 320), (1, 1), (5, 900), (321, 2000)])
def test_every_size_has_such_a_part(size, rng):
    height, width = size
    picture = Picture.from_pixels(rng.integers(0, 255, (height, width, 1), np.uint8))
    left, top, wide, high = most_detail(picture)
    assert (wide, high) == (min(320, width), min(320, height))
    assert left + wide <= width and top + high <= height


def test_what_nobody_sees_is_no_detail(rng):
    pixels = np.full((400, 900, 4), 255, np.uint8)
    pixels[:, :450, :3] = rng.integers(0, 255, (400, 450, 3))
    pixels[:, :450, 3] = 0
    pixels[100:110, 700:710, :3] = 0
    left, _, width, _ = most_detail(Picture.from_pixels(pixels))
    assert left <= 700 <= left + width


def test_a_part_is_enlarged_as_the_whole_is(detailed, rng):
    folder = Folder(None, 3, 3 * 700 * 900)
    part = cut(detailed, (600, 20, 128, 96))
    (tried,) = tries(part, ["fast"], 2, folder)
    assert tried.made.shape == (192, 256, 3)
    assert tried.folder_seconds == pytest.approx(tried.seconds * 3 * 700 * 900 / (128 * 96))


@pytest.mark.parametrize("size", [(1, 1), (30, 40)])
def test_a_flat_picture_is_enlarged_too(size):
    part = Picture.from_pixels(np.full((*size, 3), 90, np.uint8))
    (tried,) = tries(part, ["fast"], 2, Folder(None, 1, size[0] * size[1]))
    assert tried.made.shape == (2 * size[0], 2 * size[1], 3)
    assert tried.folder_seconds is None  # so few pixels say nothing of others


def test_every_model_is_on_one_page(command, folder, tmp_path, data_of, photo):
    page = tmp_path / "try.html"
    Image.fromarray(photo.repeat(3, axis=0).repeat(3, axis=1)).save(folder / "b.jpg")
    code, out, err = command("try", folder / "b.jpg", "-s", 2, "-o", page)
    assert code == 0 and err == ""
    names = sorted({model.spec.name for model in packaged_models()})
    data = data_of(page)
    assert sorted(data["columns"]) == sorted(["original", *names])
    (entry,) = data["entries"]
    for name, version in zip(data["columns"][1:], entry["versions"][1:], strict=True):
        assert re.search(rf"^{name} +[\d.]+ s   all: about ", out, re.MULTILINE)
        facts = dict(version["facts"])
        assert facts["folder"].endswith(" for 3 images") and facts["time"].endswith(" s")
        content = base64.b64decode(version["url"].partition(",")[2])
        assert Image.open(io.BytesIO(content)).size == (318, 222)
    assert len(re.findall("auto takes it", out)) == 1


def test_a_part_and_an_own_model(command, folder, tmp_path, data_of, packaged):
    page = tmp_path / "try.html"
    crop = ("--crop", "3,2,20,10")
    code, _, _ = command("try", folder / "a.png", "-s", 2, *crop, "-m", packaged, "-o", page)
    data = data_of(page)
    assert code == 0 and data["columns"][-1] == str(packaged)
    assert {version["width"] for version in data["entries"][0]["versions"][1:]} == {40}


@pytest.fixture
def packaged(tmp_path):
    """A model as a person brings it: a file somewhere."""
    (model,) = (each for each in packaged_models() if each.spec.title == "fast-x2")
    path = tmp_path / "mine.onnx"
    path.write_bytes(model.path.read_bytes())
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.png", "--crop", "40,0,20,20"], "does not lie in the picture, which has 53x37"),
        (["a.png", "--crop", "1,2,3"], "is not auto, none or a part"),
        (["a.png", "--crop", "1,2,0,3"], "its width or height is 0"),
        (["sub"], "is a folder"),
        (["notes.txt"], "not an image"),
        (["none.png"], "cannot be read"),
    ],
)
def test_wrong_use_is_said(arguments, words, command, folder, monkeypatch):
    monkeypatch.chdir(folder)
    code, _, err = command("try", *arguments)
    assert code == 2 and words in err
