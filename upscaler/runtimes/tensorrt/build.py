"""Building and keeping TensorRT engines: TensorRT 10 and 11, and for RTX, which share one API.

TensorRT for RTX builds on a machine without a GPU, too, where nothing can load the engine.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from math import isqrt
from pathlib import Path
from typing import Any

from upscaler.errors import ProofError, RuntimeUnavailable
from upscaler.hardware.gpu import driver_version, gpus, nvidia_driver
from upscaler.models import Model
from upscaler.models.grid import AUTO_TILE, round_up
from upscaler.runtimes.groups import GROUP_PIXELS, LARGEST_GROUP, group_size
from upscaler.runtimes.tensorrt.cache import Engine, EngineCache, EngineKey

PORTABLE = "tensorrt_rtx"
"""Builds for all GPUs that it knows, also where there is none."""

MODULES = ("tensorrt", PORTABLE)
INSTALL = "pip install tensorrt_rtx, or NVIDIA's tensorrt"

TILES, SMALLER, GROUPS = range(3)
"""The profiles of an engine: whole tiles one by one, what is smaller one by one, small ones in
groups."""

_USUAL_SIDE = 128
"""What images smaller than a tile are tuned for."""


def load_library(*names: str) -> Any:
    """Import the library, the first that is there of `names`, by default of MODULES.

    Raises:
        RuntimeUnavailable: none is.
    """
    for name in names or MODULES:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise RuntimeUnavailable(f"TensorRT is not installed; {INSTALL}")


def engine_key(trt: Any, model: Model, precision: str, device: int) -> EngineKey:
    """Return what the engine of a model is kept under; engines are bound to all of it.

    Raises:
        RuntimeUnavailable: the model has no file in this precision.
    """
    found = gpus()
    portable = trt.__name__ == PORTABLE
    source = model.source(precision)
    own = source == model.path  # its sha256 covers the files with its weights, too
    return EngineKey(
        model=model.sha256 if own else hashlib.sha256(_content(source)).hexdigest(),
        precision=precision,
        side=round_up(AUTO_TILE, model.spec.alignment) + 2 * model.spec.halo,
        builder=f"{trt.__name__} {trt.__version__}",
        driver=driver_version() or nvidia_driver() or "none",
        gpu="any RTX" if portable else (found[device] if device < len(found) else "none"),
    )


def cached_engine(
    trt: Any, model: Model, key: EngineKey, cache: EngineCache, *, again: bool = False
) -> Engine:
    """Return the engine of a model, from the cache or built now, by one process at a time.

    Args:
        again: build it whatever lies in the cache.

    Raises:
        RuntimeUnavailable, ProofError: see `build`.
        OutputError: the cache cannot be written.
    """
    with cache.building(key):
        stored = None if again else cache.get(key)
        if stored is None:
            content = build(
                trt,
                model.source(key.precision),
                precision=key.precision,
                side=key.side,
                alignment=model.spec.alignment,
            )
            stored = Engine(content, proved=False)
            cache.put(key, stored)
    return stored


def mark_proved(cache: EngineCache, key: EngineKey) -> None:
    """Note that a GPU has computed the probe right with an engine of the cache."""
    with cache.building(key):
        stored = cache.get(key)
        if stored is not None and not stored.proved:
            cache.put(key, replace(stored, proved=True))


def build(trt: Any, source: Path | bytes, *, precision: str, side: int, alignment: int) -> bytes:
    """Build an engine from an ONNX model that takes uint8 (N, H, W, 3) or float (N, 3, H, W).

    It has the profiles TILES, SMALLER and, if the model takes several pictures, GROUPS.

    Args:
        source: the model's path, with any further files that hold its weights beside it; or its
            content.
        side: of a whole tile with its margins, in pixels.
        alignment: the smallest side.

    Raises:
        RuntimeUnavailable: the library does not build it.
        ProofError: what it would build is not in the precision asked for.
    """
    log = error_log(trt)
    builder = trt.Builder(log)
    typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(typed)
    parser = trt.OnnxParser(network, log)
    if not parser.parse(_content(source), str(source) if isinstance(source, Path) else None):
        reasons = [str(parser.get_error(number)) for number in range(parser.num_errors)]
        raise RuntimeUnavailable(f"TensorRT does not read the model: {_first_line(reasons)}")
    _check_precision(trt, network, precision)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # fp32 means fp32
    for profile in profiles(trt, builder, network.get_input(0), side, alignment):
        if config.add_optimization_profile(profile) < 0:
            raise RuntimeUnavailable(
                f"TensorRT takes no tiles of {side}: {_first_line(log.errors)}"
            )
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise RuntimeUnavailable(f"TensorRT builds no engine: {_first_line(log.errors)}")
    return bytes(engine)


def _content(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def profiles(trt: Any, builder: Any, image: Any, side: int, alignment: int) -> Iterator[Any]:
    """Yield the profiles of an engine: what shapes it takes, and for which it is tuned.

    Args:
        image: the network's input.
        side, alignment: as `build` takes them.
    """
    usual = _aligned(_USUAL_SIDE, alignment)
    ranges = [((1, side), (1, side), (1, side)), ((1, alignment), (1, min(usual, side)), (1, side))]
    widest = min(_aligned(isqrt(GROUP_PIXELS // 2), alignment), side)
    if image.shape[0] == -1 and group_size(widest, widest) > 1:
        groups = (2, alignment), (group_size(usual, usual), usual), (LARGEST_GROUP, widest)
        ranges.append(groups)
    for shapes in ranges:
        profile = builder.create_optimization_profile()
        profile.set_shape(image.name, *(_shape(trt, image, *shape) for shape in shapes))
        yield profile


def _aligned(size: int, alignment: int) -> int:
    """Return the largest multiple up to `size`, at least one."""
    return max(1, size // alignment) * alignment


def _check_precision(trt: Any, network: Any, precision: str) -> None:
    """Read back in what the convolutions compute."""
    layers = (network.get_layer(number) for number in range(network.num_layers))
    found = {
        str(layer.get_output(0).dtype).rpartition(".")[2]
        for layer in layers
        if layer.type == trt.LayerType.CONVOLUTION
    }
    if not found:
        raise ProofError("the model has no convolution, so its precision cannot be read back")
    if found != {_TYPES[precision]}:
        raise ProofError(
            f"the {precision} engine would compute its convolutions in {', '.join(sorted(found))}"
        )


_TYPES = {"fp32": "FLOAT", "fp16": "HALF"}


def _shape(trt: Any, image: Any, number: int, side: int) -> tuple[int, ...]:
    pixels = image.dtype == trt.DataType.UINT8
    return (number, side, side, 3) if pixels else (number, 3, side, side)


def error_log(trt: Any) -> Any:
    """Return a logger that keeps errors and prints nothing."""

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.Severity.ERROR:
                self.errors.append(message)

    return Log()


def _first_line(reasons: list[str]) -> str:
    lines = [line for reason in reasons for line in reason.splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"
