"""The best-known models give what they give in ncnn, whose packages hold their weights."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [pth] extra")
ncnn = pytest.importorskip("ncnn")

from upscaler import Upscaler
from upscaler_export.proof import photograph

NAMES = ["animevideov3", "x4plus-anime-6B", "x4plus", *(f"Real-CUGAN-x{n}" for n in (2, 3, 4))]

pytestmark = pytest.mark.slow


def by_ncnn(param, real, image):
    """Return what ncnn makes of an image, float32 (3, H, W) in [0, 1]."""
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.load_param(str(param))
    net.load_model(str(param.with_suffix(".bin")))
    edge = real.border
    padded = np.pad(image, [(0, 0), (edge, edge), (edge, edge)], mode="reflect")
    extractor = net.create_extractor()
    extractor.input(net.input_names()[0], ncnn.Mat(np.ascontiguousarray(padded)).clone())
    output = np.array(extractor.extract(net.output_names()[0])[1])
    if real.adds_input:
        output += image.repeat(real.scale, 1).repeat(real.scale, 2)
    return output


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_that_of_ncnn(published, tmp_path, name):
    real = published.PUBLISHED[name]
    if real.param is None:
        pytest.skip(f"needs {real.package}")
    path = published.write(name, tmp_path)
    image = photograph()[0, :, :64]
    pixels = np.rint(255 * image.transpose(1, 2, 0)).astype(np.uint8)
    ours = Upscaler(str(path), scale=real.scale, precision="fp32")(pixels)
    expected = np.rint(by_ncnn(real.param, real, image).clip(0, 1) * 255).transpose(1, 2, 0)
    assert np.abs(ours - expected).max() <= 1
