"""TensorRT on an NVIDIA GPU: TensorRT 10 and 11, and TensorRT for RTX.

Engines are built once and kept in a private cache (`upscaler.engines`); a named runtime builds
what is missing when it opens, which may take minutes. Buffers, streams and graphs are torch's.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor

from upscaler import tensorrt
from upscaler.engines import EngineCache
from upscaler.errors import RuntimeUnavailable
from upscaler.models import Model
from upscaler.runtimes.cuda_lanes import LANES, Lanes, Program
from upscaler.runtimes.runtime import Batch, PixelRuntime, Pixels, through_floats, whole

_TILES, _SMALLER = 0, 1
"""The profiles of an engine, as `tensorrt.build` makes them."""


class TensorRT(PixelRuntime):
    """NVIDIA's optimiser, for data centres and workstations."""

    name = "tensorrt"
    library: ClassVar[str] = "tensorrt"

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        super().__init__(model, precision, min(streams, LANES), device)
        self.takes_floats = precision == "fp32"
        torch.cuda.set_device(device)
        self._trt = tensorrt.load(self.library)
        self._key = tensorrt.engine_key(self._trt, model, precision, device)
        self.largest_side = self._key.side
        self._cache = EngineCache()
        self._engine = self._load()
        self._config = self._configure()
        self._lanes = Lanes(torch.device("cuda", device), self.streams, self._prepare)

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        tensorrt.load(cls.library)
        if not torch.cuda.is_available():
            raise RuntimeUnavailable("the installed torch cannot use the GPU")
        return ("fp16", "fp32")

    @classmethod
    def is_ready(cls, model: Model, precision: str, device: int) -> bool:
        """Whether the engine lies in the cache."""
        trt = tensorrt.load(cls.library)
        return EngineCache().path(tensorrt.engine_key(trt, model, precision, device)).is_file()

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        output: Batch = self._lanes.run(batch)[0]
        return output

    def infer_pixels(self, pixels: Pixels) -> Pixels:
        """See `PixelRuntime`."""
        if self.takes_floats:
            return through_floats(self.infer, pixels)
        return whole(*self._lanes.run(pixels))

    def confirm(self) -> None:
        """The engine has computed the probe: say so in the cache."""
        super().confirm()
        tensorrt.mark_proved(self._cache, self._key)
        self._keep_kernels()

    def _load(self) -> Any:
        """Return the engine; one that does not load is of another time, and built again."""
        runtime = self._trt.Runtime(tensorrt.log(self._trt))
        for again in (False, True):
            stored = tensorrt.cached_engine(
                self._trt, self.model, self._key, self._cache, again=again
            )
            engine = runtime.deserialize_cuda_engine(stored.content)
            if engine is not None:
                return engine
        raise RuntimeUnavailable("TensorRT does not load the engine that it has just built")

    def _configure(self) -> Any:
        """What contexts are made with; for RTX, the kernels that it compiles as it goes."""
        return None

    def _keep_kernels(self) -> None:
        """Store what was compiled since."""

    def _prepare(self, image: Tensor) -> Program:
        engine, names = self._engine, _names(self._engine)
        context = engine.create_execution_context(*([self._config] if self._config else []))
        stream = torch.cuda.current_stream()
        tile = tuple(engine.get_tensor_profile_shape(names[0], _TILES)[0])
        profile = _TILES if tuple(image.shape) == tile else _SMALLER
        context.set_optimization_profile_async(profile, stream.cuda_stream)
        context.set_input_shape(names[0], tuple(image.shape))
        context.set_tensor_address(names[0], image.data_ptr())
        outputs = []
        for name in names[1:]:
            kind = _TYPES[str(engine.get_tensor_dtype(name)).rpartition(".")[2]]
            outputs.append(
                torch.empty(tuple(context.get_tensor_shape(name)), dtype=kind, device=image.device)
            )
            context.set_tensor_address(name, outputs[-1].data_ptr())

        def program() -> tuple[Tensor, ...]:
            if not context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
                raise RuntimeError("TensorRT refuses to run")
            return tuple(outputs)

        return program


class TensorRTForRTX(TensorRT):
    """The same for GeForce and RTX cards; it compiles its kernels when they are first used."""

    name = "tensorrt-rtx"
    library = "tensorrt_rtx"

    def _configure(self) -> Any:
        config = self._engine.create_runtime_config()
        self._kernels = config.create_runtime_cache()
        stored = tensorrt.kept_kernels(self._cache, self._key)
        if stored:
            self._kernels.deserialize(stored)
        config.set_runtime_cache(self._kernels)
        return config

    def _keep_kernels(self) -> None:
        tensorrt.keep_kernels(self._cache, self._key, bytes(self._kernels.serialize()))


_TYPES = {"UINT8": torch.uint8, "FLOAT": torch.float32}


def _names(engine: Any) -> list[str]:
    """The tensors of an engine, the input first."""
    return [engine.get_tensor_name(number) for number in range(engine.num_io_tensors)]
