"""The runtimes, in the order in which `auto` tries them."""

from dataclasses import dataclass
from importlib import import_module

from upscaler.errors import RuntimeUnavailable
from upscaler.runtimes.runtime import Runtime


@dataclass(frozen=True)
class Entry:
    """Where a runtime lives and how it gets onto a machine."""

    package: str
    """What pip calls it."""
    module: str
    cls: str
    install: str
    """The line that brings or repairs it."""

    def load(self) -> type[Runtime]:
        """Import the runtime.

        Raises:
            RuntimeUnavailable: its package is not installed, or does not load.
        """
        try:
            runtime: type[Runtime] = getattr(import_module(self.module), self.cls)
        except ImportError as error:
            raise RuntimeUnavailable(f"not installed ({error})") from None
        except Exception as error:  # a broken installation may raise anything
            raise RuntimeUnavailable(f"does not load ({error})") from error
        return runtime


RUNTIMES = {
    "cuda": Entry(
        "onnxruntime-gpu",
        "upscaler.runtimes.onnxruntime_cuda",
        "OnnxRuntimeCuda",
        'pip uninstall -y onnxruntime && pip install "onnxruntime-gpu[cuda,cudnn]"',
    ),
    "openvino": Entry(
        "openvino",
        "upscaler.runtimes.openvino_cpu",
        "OpenVinoRuntime",
        "pip install openvino (x86-64)",
    ),
    "cpu": Entry(
        "onnxruntime",
        "upscaler.runtimes.onnxruntime_cpu",
        "OnnxRuntimeCpu",
        "pip install onnxruntime",
    ),
}
