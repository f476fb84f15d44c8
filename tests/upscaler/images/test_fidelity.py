"""With a network that only repeats pixels, what comes out is exactly what went in, larger."""

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from upscaler.images import FORMATS, Picture, open_picture, save_picture


@pytest.fixture(scope="module")
def repeater(tmp_path_factory):
    """An ONNX file that makes 2x2 pixels of each."""
    nearest = helper.make_node(
        "Resize",
        ["x", "", "scales"],
        ["y"],
        coordinate_transformation_mode="asymmetric",
        mode="nearest",
        nearest_mode="floor",
    )
    graph = helper.make_graph(
        [nearest],
        "repeat",
        [helper.make_tensor_value_info("x", 1, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", 1, ["n", 3, "hh", "ww"])],
        [numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")],
    )
    path = tmp_path_factory.mktemp("model") / "repeat.onnx"
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("source", "target"), [("png", "png"), ("tiff", "tiff"), ("png", "tiff")])
def test_every_pixel_comes_back(command, repeater, tmp_path, rng, channels, dtype, source, target):
    pixels = rng.integers(0, np.iinfo(dtype).max + 1, (13, 17, channels)).astype(dtype)
    if channels in (2, 4):
        pixels[..., -1] = np.iinfo(dtype).max  # what is hidden may change, what shows may not
        pixels[0, 0, -1] = np.iinfo(dtype).max // 2
    save_picture(Picture.from_pixels(pixels), tmp_path / f"in.{source}", FORMATS[source])
    out = tmp_path / f"out.{target}"
    code, _, errors = command("run", tmp_path / f"in.{source}", out, "-s", 2, "-m", repeater)
    assert code == 0, errors
    assert "warning" not in errors
    expected = pixels.repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(open_picture(out).pixels, expected)


def test_sixteen_bits_to_a_format_of_eight_give_a_warning(command, repeater, tmp_path, rng):
    pixels = rng.integers(0, 65536, (9, 9, 3), np.uint16)
    save_picture(Picture.from_pixels(pixels), tmp_path / "in.png", FORMATS["png"])
    out = tmp_path / "out.jpg"
    code, _, errors = command("run", tmp_path / "in.png", out, "-s", 2, "-m", repeater)
    assert code == 0
    assert "jpg holds 8 bits a channel: reduced from 16" in errors
    with Image.open(out) as image:
        assert image.size == (18, 18)


KINDS = importlib.util.spec_from_file_location(
    "formats", Path(__file__).parents[3] / "docs/formats.py"
)


def formats():
    module = importlib.util.module_from_spec(KINDS)
    KINDS.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", [name for name in formats().KINDS if "32 bits" not in name])
def test_every_kind_of_input_comes_back(command, repeater, tmp_path, name):
    source = formats().KINDS[name](tmp_path)
    out = tmp_path / "out"
    target = "tiff" if "TIFF" in name else "png"
    code, _, errors = command(
        "run", source, out, "-s", 2, "-m", repeater, "-f", target, "-p", "fp32"
    )
    assert code == 0, errors
    before, after = open_picture(source), open_picture(next(out.glob("in.*")))
    pages = zip((before, *before.following), (after, *after.following), strict=True)
    for one, other in pages:
        expected = one.pixels.repeat(2, axis=0).repeat(2, axis=1)
        np.testing.assert_array_equal(other.pixels[..., : expected.shape[2]], expected)
        assert other.milliseconds == one.milliseconds
    assert (after.icc, after.iptc, after.text) == (before.icc, before.iptc, before.text)
    assert (after.xmp, after.exif) == (before.xmp, before.exif)
    if before.dpi:
        assert after.dpi == pytest.approx([2 * value for value in before.dpi], abs=0.1)
