"""TensorRT on an NVIDIA GPU: TensorRT 10 and 11, and TensorRT for RTX.

Engines are built once, by `make_ready`, and kept in a private cache (`cache`). Buffers, streams and
graphs are torch's.
"""

from contextlib import suppress
from typing import Any, ClassVar

import torch
from torch import Tensor

from upscaler.errors import NotReady, RuntimeUnavailable, StartError
from upscaler.models import Model
from upscaler.runtimes.cuda_streams import MOST_STREAMS, CudaStreams, Program
from upscaler.runtimes.pixels import Batch, Pixels, in_order, through_floats, whole
from upscaler.runtimes.runtime import BuiltRuntime, PixelRuntime
from upscaler.runtimes.tensorrt import build
from upscaler.runtimes.tensorrt.cache import EngineCache, EngineKey

_TYPES = {"UINT8": torch.uint8, "FLOAT": torch.float32}


class TensorRT(PixelRuntime, BuiltRuntime):
    """NVIDIA's optimiser, for data centres and workstations."""

    name = "tensorrt"
    library: ClassVar[str] = "tensorrt"

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        super().__init__(model, precision, min(streams, MOST_STREAMS), device)
        self.takes_floats = precision == "fp32"
        self._trt = build.load(self.library)
        self._key, self._cache = self._place(model, precision, device)
        self.largest_side = self._key.side
        with torch.cuda.device(device):
            self._runtime = self._trt.Runtime(build.error_log(self._trt))
            self._engine = self._load()
            self._config = self._configure()
        self._cuda_streams = CudaStreams(torch.device("cuda", device), self.streams, self._prepare)

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """See `Runtime`."""
        build.load(cls.library)
        if not torch.cuda.is_available():
            raise RuntimeUnavailable("the installed torch cannot use the GPU")
        return ("fp16", "fp32")

    @classmethod
    def make_ready(cls, model: Model, precision: str, device: int) -> None:
        """Build the engine."""
        key, cache = cls._place(model, precision, device)
        with torch.cuda.device(device):
            build.cached_engine(build.load(cls.library), model, key, cache)

    @classmethod
    def record_failure(cls, model: Model, precision: str, device: int, reason: str) -> None:
        """See `BuiltRuntime`; a new model, driver, TensorRT or GPU is tried again."""
        key, cache = cls._place(model, precision, device)
        cache.record_failure(key, reason)

    @classmethod
    def recorded_failure(cls, model: Model, precision: str, device: int) -> str | None:
        """See `BuiltRuntime`."""
        key, cache = cls._place(model, precision, device)
        return cache.recorded_failure(key)

    @classmethod
    def _place(cls, model: Model, precision: str, device: int) -> tuple[EngineKey, EngineCache]:
        """Where the engine lies, or would lie."""
        key = build.engine_key(build.load(cls.library), model, precision, device)
        return key, EngineCache()

    def infer(self, batch: Batch) -> Batch:
        """See `Runtime`."""
        output: Batch = self._cuda_streams.run(batch)[0]
        return output

    def infer_pixels(self, pixels: Pixels) -> Pixels:
        """See `PixelRuntime`."""
        if self.takes_floats:
            return through_floats(self.infer, pixels)
        return whole(*self._cuda_streams.run(pixels))

    def confirm(self) -> None:
        """Say in the cache that the engine has computed the probe."""
        super().confirm()
        with suppress(StartError):  # the next run proves it again
            build.mark_proved(self._cache, self._key)

    def _load(self) -> Any:
        """Return the engine; one that does not load is of another time, and forgotten."""
        stored = self._cache.get(self._key)
        if stored is None:
            raise NotReady("it has its engine to build first")
        engine = self._runtime.deserialize_cuda_engine(stored.content)
        if engine is None:
            self._cache.drop(self._key)
            raise NotReady("its engine does not load, and has to be built again")
        return engine

    def _configure(self) -> Any:
        """What contexts are made with, if not with the defaults."""
        return None

    def _prepare(self, image: Tensor) -> Program:
        engine = self._engine
        inputs, outputs = _tensors(self._trt, engine)
        context = engine.create_execution_context(*([self._config] if self._config else []))
        if context is None:
            raise RuntimeError("TensorRT has no memory for another stream")
        shape, stream = tuple(image.shape), torch.cuda.current_stream(image.device)
        tile = tuple(engine.get_tensor_profile_shape(inputs[0], build.TILES)[0])
        profile = build.TILES if shape == tile else build.SMALLER
        if shape[0] > 1:
            profile = build.GROUPS
        _must(context.set_optimization_profile_async(profile, stream.cuda_stream), "the profile")
        _must(context.set_input_shape(inputs[0], shape), f"a tile of {shape}")
        _must(context.set_tensor_address(inputs[0], image.data_ptr()), "the input buffer")
        results = []
        for name in outputs:
            kind = _TYPES[_last_word(engine.get_tensor_dtype(name))]
            size = tuple(context.get_tensor_shape(name))
            results.append(torch.empty(size, dtype=kind, device=image.device))
            _must(context.set_tensor_address(name, results[-1].data_ptr()), f"a buffer for {name}")

        def program() -> tuple[Tensor, ...]:
            current = torch.cuda.current_stream(image.device)
            _must(context.execute_async_v3(current.cuda_stream), "to run")
            return tuple(results)

        return program


class TensorRTForRTX(TensorRT):
    """The same for GeForce and RTX cards; each process compiles its kernels on first use."""

    name = "tensorrt-rtx"
    library = "tensorrt_rtx"

    def _configure(self) -> Any:
        config = self._engine.create_runtime_config()
        if hasattr(config, "dynamic_shapes_kernel_specialization_strategy"):
            # a graph would go on with the makeshift kernels that it was recorded with
            strategies = self._trt.DynamicShapesKernelSpecializationStrategy
            config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER
        return config


def _tensors(trt: Any, engine: Any) -> tuple[list[str], list[str]]:
    """Return the names of an engine's inputs, and of its outputs with the pixels first."""
    names = [engine.get_tensor_name(number) for number in range(engine.num_io_tensors)]
    inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
    return inputs, in_order(name for name in names if name not in inputs)


def _must(done: bool, what: str) -> None:
    """TensorRT says what went wrong in its log, and here only that it did."""
    if not done:
        raise RuntimeError(f"TensorRT refuses {what}")


def _last_word(kind: Any) -> str:
    return str(kind).rpartition(".")[2]
