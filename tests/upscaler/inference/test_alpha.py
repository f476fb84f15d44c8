"""Transparency: hard edges, thin lines, and a fourth channel that is data."""

import numpy as np
import pytest
from PIL import Image

from upscaler import Upscaler
from upscaler.errors import UsageError
from upscaler.images import open_picture
from upscaler.images.alpha import keep_flat


def shapes():
    """(40, 40, 4): a square with hard edges, and a line that is one pixel wide."""
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[6:22, 6:22] = 200, 60, 60, 255
    pixels[5:35, 30] = 20, 20, 20, 255
    return pixels


def most_around(alpha):
    """The largest value of each pixel's neighbourhood of 3 x 3."""
    padded = np.pad(alpha, 1, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).max(axis=(2, 3))


def large(mask, scale):
    return mask.repeat(scale, axis=0).repeat(scale, axis=1)


def test_a_hard_edge_has_no_veil_outside_and_no_hole_inside(upscaler):
    pixels, scale = shapes(), upscaler.scale
    made = upscaler(pixels)[..., 3]
    outside = most_around(pixels[..., 3]) == 0
    within = most_around(255 - pixels[..., 3]) == 0
    assert within.any()
    assert made[large(outside, scale)].max() == 0
    assert made[large(within, scale)].min() == 255


def test_values_between_and_beside_an_edge_are_the_networks():
    small = np.full((6, 6, 1), 128, np.uint8)
    small[:, 3:] = 255
    made = np.full((12, 12, 1), 77, np.uint8)
    keep_flat(made, small)
    assert (made[:, :8] == 77).all() and (made[:, 8:] == 255).all()


def gloss():
    """(24, 32, 4): colours that mean something under an alpha of 0, too."""
    y, x = np.mgrid[0:24, 0:32]
    alpha = np.where(y // 6 % 2, 200, 0)
    return np.stack([x * 8, y * 10, (x + y) * 4, alpha], axis=2).astype(np.uint8)


@pytest.mark.parametrize("scale", [2, 1.5])
def test_separate_alpha_leaves_the_colours_as_they_are(scale):
    separate = Upscaler("fast", scale=scale, precision="fp32", alpha="separate")
    pixels = gloss()
    made = separate(pixels)
    np.testing.assert_array_equal(made[..., :3], separate(pixels[..., :3]))
    if scale == 2:  # between the scales, colours are light and alpha is none
        np.testing.assert_array_equal(made[..., 3], separate(pixels[..., 3]))


def test_alpha_that_hides_spreads_the_colours_under_it():
    made = Upscaler("fast", scale=2, precision="fp32")
    assert (made(gloss())[..., :3] != made(gloss()[..., :3])).any()


@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_separate_alpha_comes_through_files(tmp_path, run, kind):
    Image.fromarray(gloss()).save(tmp_path / "gloss.png")
    summary, _ = run(tmp_path / "gloss.png", tmp_path / "out", format=kind, alpha="separate")
    assert summary.exit_code == 0
    (written,) = [path for path in (tmp_path / "out").iterdir() if path.is_file()]
    colours = open_picture(written).colour.astype(int)
    expected = Upscaler("fast", scale=2, runtime="cpu")(gloss())[..., :3]
    separate = Upscaler("fast", scale=2, runtime="cpu", alpha="separate")(gloss())[..., :3]
    assert np.abs(colours - separate).mean() < np.abs(colours - expected).mean() / 2
    if kind != "webp":
        np.testing.assert_array_equal(colours, separate)


def test_separate_alpha_is_dropped_where_there_is_no_place_for_it(tmp_path, run):
    Image.fromarray(gloss()).save(tmp_path / "gloss.png")
    _, notes = run(tmp_path / "gloss.png", tmp_path / "out.bmp", alpha="separate")
    assert notes.results[0].warnings == ("bmp has no channel for alpha: dropped",)
    separate = Upscaler("fast", scale=2, runtime="cpu", alpha="separate")(gloss())[..., :3]
    np.testing.assert_array_equal(open_picture(tmp_path / "out.bmp").colour, separate)


def test_another_meaning_of_alpha_is_an_error():
    with pytest.raises(UsageError, match="alpha is 'none'; give one of picture, separate"):
        Upscaler("fast", scale=2, alpha="none")


@pytest.mark.parametrize("change", [{"alpha": "separate"}, {"wrap": True}])
def test_a_change_of_these_settings_makes_the_output_again(tmp_path, run, change):
    Image.fromarray(gloss()).save(tmp_path / "gloss.png")
    again = {**change, "overwrite": True}
    for settings, wanted in (({}, "done"), ({}, "skipped"), (again, "done"), (change, "skipped")):
        _, notes = run(tmp_path / "gloss.png", tmp_path / "out", **settings)
        assert [result.status.value for result in notes.results] == [wanted]
