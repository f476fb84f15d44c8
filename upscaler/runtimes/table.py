"""The runtimes, in the order in which `auto` tries them."""

from dataclasses import dataclass
from importlib import import_module

from upscaler.errors import HardwareMissing, RuntimeUnavailable
from upscaler.hardware.adapters import gpu_in_sight
from upscaler.hardware.gpu import nvidia_driver
from upscaler.runtimes.measured import MeasuredRuntime
from upscaler.runtimes.runtime import Runtime

_NO_GPU = "there is no GPU here, or no driver for it"
_NO_NVIDIA_GPU = "there is no NVIDIA GPU here, or no driver for it"


@dataclass(frozen=True)
class RuntimeEntry:
    """Where a runtime lives and how it gets onto a machine."""

    package: str
    """What pip calls it."""
    module: str
    cls: str
    install: str
    """The line that brings or repairs it."""
    needs_nvidia: bool = False
    needs_gpu: bool = False
    """Of whatever maker; where there is none, a program may take its place, by name only."""
    experimental: bool = False
    """Whether it has yet to run on a real card; `auto` proves and measures it before taking it."""

    def load_unasked(self) -> type[Runtime]:
        """Import a runtime that nobody named: it has to have hardware of its own.

        Raises:
            HardwareMissing: it has none.
            RuntimeUnavailable: as `load`.
        """
        if self.needs_gpu and not gpu_in_sight():
            raise HardwareMissing(_NO_GPU)
        runtime = self.load()
        if issubclass(runtime, MeasuredRuntime):
            runtime.check_hardware()
        return runtime

    def load(self) -> type[Runtime]:
        """Import the runtime.

        Raises:
            HardwareMissing: it needs a GPU, and there is none; nothing heavy was imported.
            RuntimeUnavailable: its package is not installed, or does not load.
        """
        if self.needs_nvidia and nvidia_driver() is None:
            raise HardwareMissing(_NO_NVIDIA_GPU if gpu_in_sight() else _NO_GPU)
        try:
            runtime: type[Runtime] = getattr(import_module(self.module), self.cls)
        except ImportError as error:
            raise RuntimeUnavailable(f"not installed ({error})") from None
        except Exception as error:  # a broken installation may raise anything
            raise RuntimeUnavailable(f"does not load ({error})") from error
        return runtime


RUNTIMES = {
    "tensorrt": RuntimeEntry(
        "tensorrt",
        "upscaler.runtimes.tensorrt.runtime",
        "TensorRT",
        "pip install tensorrt torch",
        needs_nvidia=True,
        experimental=True,
    ),
    "tensorrt-rtx": RuntimeEntry(
        "tensorrt_rtx",
        "upscaler.runtimes.tensorrt.runtime",
        "TensorRTForRTX",
        "pip install tensorrt_rtx torch",
        needs_nvidia=True,
        experimental=True,
    ),
    "torch": RuntimeEntry(
        "torch",
        "upscaler.runtimes.torch_cuda",
        "TorchCuda",
        "pip install torch",
        needs_nvidia=True,
    ),
    "cuda": RuntimeEntry(
        "onnxruntime-gpu",
        "upscaler.runtimes.onnxruntime_cuda",
        "OnnxRuntimeCuda",
        'pip uninstall -y onnxruntime && pip install "onnxruntime-gpu[cuda,cudnn]"',
        needs_nvidia=True,
        experimental=True,
    ),
    "webgpu": RuntimeEntry(
        "onnxruntime-ep-webgpu",
        "upscaler.runtimes.onnxruntime_webgpu",
        "OnnxRuntimeWebGpu",
        "pip install onnxruntime-ep-webgpu; Linux: apt install libvulkan1 mesa-vulkan-drivers",
        needs_gpu=True,
        experimental=True,
    ),
    "ncnn": RuntimeEntry(
        "ncnn",
        "upscaler.runtimes.ncnn.runtime",
        "NcnnVulkan",
        "pip install ncnn; Linux: apt install libvulkan1 mesa-vulkan-drivers",
        needs_gpu=True,
        experimental=True,
    ),
    "openvino-gpu": RuntimeEntry(
        "openvino",
        "upscaler.runtimes.openvino_gpu",
        "OpenVinoGpu",
        "pip install openvino; Linux: apt install intel-opencl-icd",
        needs_gpu=True,
        experimental=True,
    ),
    "openvino": RuntimeEntry(
        "openvino",
        "upscaler.runtimes.openvino_cpu",
        "OpenVinoRuntime",
        "pip install openvino (x86-64)",
    ),
    "cpu": RuntimeEntry(
        "onnxruntime",
        "upscaler.runtimes.onnxruntime_cpu",
        "OnnxRuntimeCpu",
        "pip install onnxruntime",
    ),
}
