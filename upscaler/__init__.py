"""Make folders of small images large and sharp.

    from upscaler import Upscaler
    large = Upscaler("fast", scale=4)(image)

`image` is a Pillow image or a uint8/uint16 array. The command line is `upscaler --help`.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upscaler.upscaler import Upscaler

# ONNX Runtime from 1.32 on reports to a server and writes an identifier into the home folder, on
# Linux too and as soon as it is imported; this is its own switch for that
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
__all__ = ["Upscaler", "__version__"]


def __getattr__(name: str) -> Any:
    # numpy, Pillow and the runtimes load when they are used, so that `--help` is instant
    if name == "Upscaler":
        from upscaler.upscaler import Upscaler

        return Upscaler
    raise AttributeError(f"module 'upscaler' has no attribute {name!r}")
