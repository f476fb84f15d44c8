"""The runtimes, in the order in which `auto` tries them."""

from dataclasses import dataclass
from importlib import import_module

from upscaler.errors import RuntimeUnavailable
from upscaler.runtimes.runtime import Runtime


@dataclass(frozen=True)
class Entry:
    """Where a runtime lives and how it gets onto a machine."""

    module: str
    cls: str
    install: str

    def load(self) -> type[Runtime]:
        """Import the runtime.

        Raises:
            RuntimeUnavailable: its package is not installed, or does not load.
        """
        try:
            runtime: type[Runtime] = getattr(import_module(self.module), self.cls)
        except ImportError as error:
            raise RuntimeUnavailable(f"not installed ({error}); {self.install}") from None
        except Exception as error:  # a broken installation may raise anything
            raise RuntimeUnavailable(f"does not load ({error}); {self.install}") from error
        return runtime


RUNTIMES = {
    "openvino": Entry(
        "upscaler.runtimes.openvino_cpu", "OpenVinoRuntime", "pip install openvino (x86-64)"
    ),
    "cpu": Entry("upscaler.runtimes.onnxruntime_cpu", "OnnxRuntimeCpu", "pip install onnxruntime"),
}
