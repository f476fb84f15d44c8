"""PyTorch on an NVIDIA GPU: the network itself, channels last, in CUDA graphs."""

from typing import ClassVar

import torch
from torch import Tensor

from upscaler.errors import RuntimeUnavailable
from upscaler.models import Model
from upscaler.models.network import PixelForm
from upscaler.models.weights import network_of
from upscaler.runtimes.cuda_streams import MOST_STREAMS, CudaStreams, Program
from upscaler.runtimes.pixels import Batch, Pixels, whole
from upscaler.runtimes.runtime import PixelRuntime

_TYPES = {"fp32": torch.float32, "fp16": torch.float16}


class TorchCuda(PixelRuntime):
    """The weights of the ONNX file, in torch."""

    name = "torch"
    kind: ClassVar[str] = "cuda"

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        super().__init__(model, precision, min(streams, MOST_STREAMS), device)
        torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32
        place = torch.device(self.kind, device)
        network = network_of(model).to(place, _TYPES[precision])
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._form = PixelForm(self._network)
        self._cuda_streams = CudaStreams(place, self.streams, self._prepare)

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        if not torch.cuda.is_available():
            raise RuntimeUnavailable("the installed torch cannot use the GPU")
        return ("fp16", "fp32")

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        output: Batch = self._cuda_streams.run(batch)[0]
        return output

    def infer_pixels(self, pixels: Pixels) -> Pixels:
        """See `PixelRuntime`."""
        return whole(*self._cuda_streams.run(pixels))

    def _prepare(self, image: Tensor) -> Program:
        if image.dtype == torch.uint8:
            return lambda: self._bytes(image)
        return lambda: (self._floats(image),)

    def _bytes(self, image: Tensor) -> tuple[Tensor, Tensor]:
        pixels, totals = self._form(image)
        return pixels.contiguous(), totals

    def _floats(self, image: Tensor) -> Tensor:
        values = image.to(self._network.tail.weight.dtype, memory_format=torch.channels_last)
        output: Tensor = self._network.aligned(values).float().contiguous()
        return output
