"""Channels of a TIFF beyond its colours: transparency, or dropped, by one rule in 8 and 16 bits."""

import numpy as np
import PIL
import pytest
import tifffile

from upscaler.images import open_picture, open_rows

UNSTATED, STRAIGHT = 0, 2
DROPPED = ("a channel whose meaning the file does not state is dropped",)


@pytest.fixture
def written(tmp_path, rng):
    """Write (16, 24, channels) with a kind for the last channel; returns path and pixels."""

    def written(depth, channels, kind):
        pixels = rng.integers(0, np.iinfo(depth).max, (16, 24, channels), depth)
        path = tmp_path / "in.tif"
        photometric = "rgb" if channels > 2 else "minisblack"
        tifffile.imwrite(
            path, pixels, photometric=photometric, extrasamples=[kind], planarconfig="contig"
        )
        return path, pixels

    return written


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4])
def test_what_has_no_stated_meaning_is_dropped_with_a_warning(written, depth, channels):
    if (depth, channels) == (np.uint8, 2) and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow 12 refuses grey with such a channel")
    path, pixels = written(depth, channels, UNSTATED)
    picture = open_picture(path)
    assert picture.alpha is None and picture.warnings == DROPPED
    np.testing.assert_array_equal(picture.colour, pixels[..., :-1])
    with open_rows(path) as rows:  # else it would come through in large pictures
        assert rows is None


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4])
def test_stated_transparency_is_kept(written, depth, channels):
    path, pixels = written(depth, channels, STRAIGHT)
    picture = open_picture(path)
    assert picture.warnings == ()
    np.testing.assert_array_equal(picture.pixels, pixels)
