"""OpenVINO on an Intel GPU; the library is the one for the CPU."""

from typing import Any

from upscaler.errors import HardwareMissing, RuntimeUnavailable
from upscaler.hardware.adapters import Adapter, adapters
from upscaler.models import Model
from upscaler.runtimes.measured import MeasuredRuntime
from upscaler.runtimes.openvino_cpu import OpenVinoRuntime, compiled_in, core, ov

_TYPES = {"fp32": ov.Type.f32, "fp16": ov.Type.f16}

_MOST_STREAMS = 2
"""One copies while the other computes."""


class OpenVinoGpu(OpenVinoRuntime, MeasuredRuntime):
    """fp16 and fp32 on the first GPU."""

    name = "openvino-gpu"
    package = "openvino"

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        super().__init__(model, precision, min(streams, _MOST_STREAMS), device)

    @classmethod
    def adapter(cls) -> Adapter:
        """See `MeasuredRuntime`; it asks OpenCL for it, not Vulkan."""
        if not _gpus():
            driver_missing = any("Intel" in each.name for each in adapters())
            kind = RuntimeUnavailable if driver_missing else HardwareMissing
            raise kind("OpenVINO finds no Intel GPU here, or no driver for it")
        name = core().get_property(_gpus()[0], "FULL_DEVICE_NAME")
        drivers = [ov.get_version(), *(each.driver for each in adapters())]
        return Adapter(name, " ".join(drivers), software=False)

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        cls.adapter()
        return ("fp16", "fp32")

    def _compile(self) -> Any:
        streams = {"NUM_STREAMS": self.streams}
        source = self.model.source("fp32")  # OpenVINO makes fp16 of it
        return compiled_in(_TYPES[self.precision], source, _gpus()[0], streams)


def _gpus() -> list[str]:
    """Return what OpenVINO calls them: `GPU`, or `GPU.0` and so on where there are several."""
    return [device for device in core().available_devices if device.startswith("GPU")]
