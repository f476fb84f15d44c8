"""A TensorRT engine beside the ONNX file, and in the cache of this machine."""

import hashlib
from pathlib import Path

from upscaler import tensorrt
from upscaler.engines import Engine, EngineCache, EngineKey
from upscaler.errors import OutputError
from upscaler.gpu import nvidia_driver
from upscaler.models import read_model
from upscaler.upscaler import AUTO_TILE


def build_engine(model: Path, cache: EngineCache | None = None) -> Path:
    """Build the engine of a `.fp16-u8.onnx` file, cache it, and put a copy beside the file.

    It is marked unproved: no GPU has run it.

    Raises:
        ModelError: the file is none of ours.
        RuntimeUnavailable: TensorRT is not here, or does not build it.
        ProofError: it would compute in another precision.
        OutputError, StartError: the cache cannot be used.
    """
    trt = tensorrt.load()
    spec, content = read_model(model).spec, model.read_bytes()
    side = AUTO_TILE + 2 * spec.halo
    key = EngineKey(
        model=hashlib.sha256(content).hexdigest(),
        precision=spec.precision,
        side=side,
        builder=tensorrt.builder_name(trt),
        driver=nvidia_driver() or "none",
        gpu=tensorrt.gpu_name(trt),
    )
    cache = cache or EngineCache()
    with cache.building(key):
        engine = tensorrt.build(
            trt, content, precision=spec.precision, side=side, alignment=spec.alignment
        )
        cache.put(key, Engine(engine, proved=False))
    builder = key.builder.replace(" ", "-")
    path = model.with_name(f"{spec.title}.{spec.precision}.{builder}.engine")
    try:
        path.write_bytes(engine)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    return path
