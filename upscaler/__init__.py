"""Make folders of small images large and sharp.

    from upscaler import Upscaler
    large = Upscaler("fast", scale=4)(image)

`image` is a Pillow image or a uint8/uint16 array. `upscale_folder` does folders. The command line
is `upscaler --help`.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from upscaler.errors import (
    HardwareMissing,
    ImageError,
    ModelError,
    NotReady,
    OutputError,
    PassingError,
    ProofError,
    RuntimeUnavailable,
    StartError,
    UpscalerError,
    UsageError,
)
from upscaler.version import __version__

if TYPE_CHECKING:
    from upscaler.batch.folder import FolderResult, upscale_folder
    from upscaler.batch.report import Result, Status
    from upscaler.inference.size import Size
    from upscaler.models.facts import ModelFacts, list_models
    from upscaler.upscaler import Upscaler

# ONNX Runtime from 1.32 on reports to a server and writes an identifier into the home folder, on
# Linux too and as soon as it is imported; this is its own switch for that
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "FolderResult",
    "HardwareMissing",
    "ImageError",
    "ModelError",
    "ModelFacts",
    "NotReady",
    "OutputError",
    "PassingError",
    "ProofError",
    "Result",
    "RuntimeUnavailable",
    "Size",
    "StartError",
    "Status",
    "Upscaler",
    "UpscalerError",
    "UsageError",
    "__version__",
    "list_models",
    "upscale_folder",
]

_LAZY = {
    "FolderResult": "upscaler.batch.folder",
    "ModelFacts": "upscaler.models.facts",
    "Result": "upscaler.batch.report",
    "Size": "upscaler.inference.size",
    "Status": "upscaler.batch.report",
    "Upscaler": "upscaler.upscaler",
    "list_models": "upscaler.models.facts",
    "upscale_folder": "upscaler.batch.folder",
}
"""Where the names are that need numpy, Pillow or a runtime: these load when they are used."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'upscaler' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
