"""What this machine has, which runtimes open on it, and what would repair those that do not."""

import platform
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version

from upscaler.errors import HardwareMissing, RuntimeUnavailable
from upscaler.hardware.adapters import adapters, gpu_in_sight
from upscaler.hardware.cpu import cores, instructions, memory_bytes
from upscaler.hardware.gpu import driver_version, gpus, nvidia_driver
from upscaler.hardware.system import processor
from upscaler.models import CLEAN_MODEL, Model, find_model
from upscaler.runtimes import RUNTIMES, RuntimeRequest, open_runtime
from upscaler.version import __version__

_PACKAGES = (
    "numpy",
    "pillow",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-ep-webgpu",
    "ncnn",
    "openvino",
    "torch",
    "tensorrt",
    "tensorrt_rtx",
)

_SCALE = 2
"""Of the model that is tried: at x2 there is a file for every precision."""

_EITHER = ("onnxruntime", "onnxruntime-gpu")
"""Two packages for one folder: the one that was installed last wins, half of it."""


@dataclass(frozen=True)
class Health:
    """One runtime."""

    runtime: str
    state: str
    """`opens`, `missing` (its package or hardware is not here) or `broken`."""
    precisions: list[str] = field(default_factory=list)
    """In which it opened and computed the probe right."""
    reason: str = ""
    repair: str = ""
    """What to do about it, if there is anything."""
    experimental: bool = False
    """Whether it has yet to run on a real card."""


def facts() -> dict[str, str]:
    """Return what the machine and the installation are, in words."""
    found = {
        "upscaler": __version__,
        "python": f"{platform.python_version()} on {_system()}",
        "processor": f"{processor()}, {cores()} cores, {memory_bytes() / 2**30:.0f} GiB of memory",
        "instructions": ", ".join(instructions()) or "not known",
        "NVIDIA driver": ", ".join(filter(None, (driver_version(), nvidia_driver()))) or "none",
        "GPUs": ", ".join(_cards()) or "none",
    }
    for package in _PACKAGES:
        found[package] = _version(package) or "not installed"
    return found


def _cards() -> list[str]:
    """Return the GPUs by name, NVIDIA's first, in the order of their numbers."""
    others = [adapter.name for adapter in adapters() if not adapter.software]
    return list(dict.fromkeys([*gpus(), *others] if gpu_in_sight() else []))


def _system() -> str:
    library, number = platform.libc_ver()
    parts = (platform.system(), platform.machine(), library, number)
    return " ".join(part for part in parts if part)


def examine() -> list[Health]:
    """Try every runtime of the table in every precision that it offers, on a packaged model."""
    return [
        replace(_examine(name), experimental=entry.experimental) for name, entry in RUNTIMES.items()
    ]


def _examine(name: str) -> Health:
    entry = RUNTIMES[name]
    if _version("onnxruntime") and _version("onnxruntime-gpu") and entry.package in _EITHER:
        both = "onnxruntime and onnxruntime-gpu share a folder and are both installed"
        cure = f"pip uninstall -y {' '.join(_EITHER)} && {entry.install}"
        return Health(name, "broken", reason=both, repair=cure)
    try:
        offered = entry.load_unasked().precisions()
    except HardwareMissing as error:
        return Health(name, "missing", reason=str(error))
    except RuntimeUnavailable as error:
        return Health(name, "missing", reason=str(error), repair=entry.install)
    except Exception as error:  # every runtime has errors of its own
        return Health(name, "broken", reason=str(error), repair=entry.install)
    opened, reasons = [], []
    for precision in offered:
        try:
            open_runtime(RuntimeRequest(_model(), precision), name)
            opened.append(precision)
        except RuntimeUnavailable as error:
            reasons.append(f"{precision}: {error}")
    state = "opens" if opened else "broken"
    return Health(name, state, opened, "; ".join(reasons), entry.install if reasons else "")


def _model() -> Model:
    return find_model(CLEAN_MODEL, _SCALE)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
