"""A TensorRT engine beside the ONNX file, and in the cache of this machine."""

from pathlib import Path

from upscaler.errors import OutputError, RuntimeUnavailable
from upscaler.hardware.gpu import gpus
from upscaler.models import read_model
from upscaler.runtimes.tensorrt import build
from upscaler.runtimes.tensorrt.cache import EngineCache


def build_engine(path: Path, precision: str) -> Path:
    """Build the engine of an exported model, cache it, and put a copy beside the model.

    It is marked unproved: no GPU has run it. The runtime proves it before its first use.

    Args:
        path: of the model in fp32; the file in `precision` lies beside it.

    Raises:
        ModelError: the file is none of ours.
        RuntimeUnavailable: TensorRT is not here, has no GPU to build on, or does not build it.
        ProofError: it would compute in another precision.
        OutputError, StartError: the cache cannot be used.
    """
    trt, model = build.load_library(), read_model(path)
    if trt.__name__ != build.PORTABLE and not gpus():
        raise RuntimeUnavailable(
            f"{trt.__name__} builds an engine only where there is an NVIDIA GPU with its driver, "
            f"and there is none here; {build.PORTABLE} builds one anywhere"
        )
    key = build.engine_key(trt, model, precision, device=0)
    engine = build.cached_engine(trt, model, key, EngineCache(), again=True)
    builder = key.builder.replace(" ", "-")
    target = path.with_name(f"{model.spec.title}.{precision}.{builder}.engine")
    draft = target.with_name(f".{target.name}.tmp")
    try:
        draft.write_bytes(engine.content)
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutputError(f"cannot write {target}: {error.strerror}") from None
    return target
