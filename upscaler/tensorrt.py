"""Building TensorRT engines: TensorRT 10 and 11, and TensorRT for RTX, which share one API.

TensorRT for RTX builds on a machine without a GPU, too, where nothing can load the engine.
"""

from importlib import import_module
from typing import Any

from upscaler.errors import ProofError, RuntimeUnavailable
from upscaler.gpu import nvidia_driver

MODULES = ("tensorrt", "tensorrt_rtx")
INSTALL = "pip install tensorrt_rtx, or NVIDIA's tensorrt"

_USUAL_SIDE = 128
"""What images smaller than a tile are tuned for."""


def load() -> Any:
    """Import the library that is there.

    Raises:
        RuntimeUnavailable: none is.
    """
    for name in MODULES:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise RuntimeUnavailable(f"TensorRT is not installed; {INSTALL}")


def builder_name(trt: Any) -> str:
    """Return the library and its version: engines are bound to both."""
    return f"{trt.__name__} {trt.__version__}"


def gpu_name(trt: Any) -> str:
    """Return what the engine is built for: TensorRT for RTX builds for all GPUs that it knows."""
    return "any RTX" if trt.__name__ == "tensorrt_rtx" else (nvidia_driver() or "none")


def build(trt: Any, model: bytes, *, precision: str, side: int, alignment: int) -> bytes:
    """Build an engine from an ONNX model that takes and gives uint8 (N, H, W, 3).

    It has two profiles: one for whole tiles, and one for images of any smaller size.

    Args:
        model: a file of `upscaler export --fp16`, or the like in float32.
        side: of a whole tile with its margins, in pixels.
        alignment: the smallest side.

    Raises:
        RuntimeUnavailable: the library does not build it.
        ProofError: what it would build is not in the precision asked for.
    """
    log = _log(trt)
    builder = trt.Builder(log)
    typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(typed)
    parser = trt.OnnxParser(network, log)
    if not parser.parse(model):
        reasons = [str(parser.get_error(number)) for number in range(parser.num_errors)]
        raise RuntimeUnavailable(f"TensorRT does not read the model: {_first_line(reasons)}")
    _check_precision(trt, network, precision)
    config = builder.create_builder_config()
    usual = min(_USUAL_SIDE, side)
    for shapes in ((side, side, side), (alignment, usual, side)):
        profile = builder.create_optimization_profile()
        profile.set_shape(network.get_input(0).name, *((1, n, n, 3) for n in shapes))
        config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise RuntimeUnavailable(f"TensorRT builds no engine: {_first_line(log.said)}")
    return bytes(engine)


def _check_precision(trt: Any, network: Any, precision: str) -> None:
    """Read back in what the convolutions compute."""
    layers = (network.get_layer(number) for number in range(network.num_layers))
    found = {
        str(layer.get_output(0).dtype).rpartition(".")[2]
        for layer in layers
        if layer.type == trt.LayerType.CONVOLUTION
    }
    if found != {_TYPES[precision]}:
        raise ProofError(
            f"the {precision} engine would compute its convolutions in {', '.join(sorted(found))}"
        )


_TYPES = {"fp32": "FLOAT", "fp16": "HALF"}


def _log(trt: Any) -> Any:
    """Return a logger that keeps errors and says nothing."""

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.said: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.Severity.ERROR:
                self.said.append(message)

    return Log()


def _first_line(reasons: list[str]) -> str:
    lines = [line for reason in reasons for line in reason.splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"
