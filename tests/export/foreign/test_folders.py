"""Folders of odd pictures go through networks with windows, attention and their own borders."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the [pth] extra")

from upscaler import Upscaler
from upscaler.images import FORMATS, Picture, open_picture, save_picture
from upscaler.models import conversion, find_model
from upscaler.models.trial.edges import photographs

BENCHMARKS = Path(__file__).parents[3] / "benchmarks" / "foreign"

pytestmark = pytest.mark.slow

SIZES = {"one": (1, 1), "line": (1, 40), "column": (33, 1), "odd": (17, 23), "more": (71, 50)}
"""Height and width; most are smaller than the windows."""


def pixels(photo, size, channels, dtype):
    """Return a part of a photograph, (H, W, channels), repeated to the size."""
    tall, wide = (-(-side // have) for side, have in zip(size, photo.shape, strict=False))
    part = np.tile(photo, (tall, wide, 1))[: size[0], : size[1]]
    part = np.concatenate([part, 255 - part[..., :1]], axis=2)
    chosen = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]
    return np.ascontiguousarray(part[..., chosen]).astype(dtype) * (
        257 if dtype == np.uint16 else 1
    )


@pytest.fixture
def odd(photo, tmp_path):
    """A folder with every size in grey and colours, with and without alpha, 8 and 16 bits."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for name, size in SIZES.items():
        for channels in (1, 2, 3, 4):
            for dtype in (np.uint8, np.uint16):
                picture = Picture.from_pixels(pixels(photo, size, channels, dtype))
                path = folder / f"{name}-{channels}-{np.dtype(dtype).name}.png"
                save_picture(picture, path, FORMATS["png"])
        Image.fromarray(pixels(photo, size, 3, np.uint8)).save(folder / f"{name}.jpg")
    return folder


@pytest.mark.parametrize("name", ["SwinIR", "SwinIR, light", "DAT", "RealCUGAN x2", "RealCUGAN x3"])
def test_none_of_an_odd_folder_fails(command, weights, odd, tmp_path, monkeypatch, name):
    # random weights make noise, which is refused; so they make a picture
    picture_making = [sys.executable, "-P", str(BENCHMARKS / "onto_bicubic.py")]
    monkeypatch.setattr(conversion, "CONVERT", picture_making)
    path, out = weights(name), tmp_path / "out"
    code, _, err = command("run", odd, out, "-m", path, "-p", "fp32")
    assert code == 0, err
    scale = find_model(str(path), 1).spec.scale
    for source in sorted(odd.iterdir()):
        before, after = open_picture(source), open_picture(out / source.name)
        assert after.colour.dtype == before.colour.dtype, source.name
        for old, new in ((before.colour, after.colour), (before.alpha, after.alpha)):
            assert (old is None) == (new is None), source.name
            if old is not None:
                size = tuple(scale * side for side in old.shape[:2])
                assert new.shape == (*size, *old.shape[2:]), source.name
    seams(path, scale)


def seams(path, scale):
    """Hold tiles against the whole picture; what was said of them may be off by half a step."""
    photograph = np.rint(255 * photographs()[0][0].transpose(1, 2, 0)).astype(np.uint8)
    tiles, whole = (
        Upscaler(str(path), scale=scale, precision="fp32", tile=tile) for tile in (64, None)
    )
    stated = tiles.model.spec.tiling.deviation
    difference = np.abs(tiles(photograph).astype(int) - whole(photograph)).max()
    assert difference <= np.ceil(stated + 0.5)
