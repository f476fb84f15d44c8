"""Whether a graph computes what its network computes: on torch, ONNX Runtime and OpenVINO."""

import importlib
from collections.abc import Callable, Iterator

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from upscaler.errors import ProofError, RuntimeUnavailable
from upscaler.hardware.cpu import cores
from upscaler.models.grid import round_up
from upscaler_export.foreign.networks import Network
from upscaler_export.proof import photograph

BOUND = 0.1 / 255
"""The largest difference allowed, of [0, 1]: between runtimes that sum in another order."""

_SIDE = 32
"""Of the pictures, about; small networks see less, large ones take seconds for more."""

Batch = NDArray[np.float32]


def compare(network: Network, model: onnx.ModelProto) -> float:
    """Run pictures of three shapes through the network and through its graph.

    They are square, wide, and an odd multiple of the alignment; for a graph of one size, that one.

    Returns:
        The largest difference of any runtime from torch, of [0, 1].

    Raises:
        ProofError: a runtime differs by more than BOUND, or does not run it.
    """
    runs = dict(_runtimes(model))
    worst = 0.0
    for picture in pictures(network, model):
        expected = _by_torch(network, picture)
        if not np.isfinite(expected).all():
            raise ProofError("what it makes of a photograph are no numbers")
        shape = 1, network.channels, *(network.scale * side for side in picture.shape[2:])
        if expected.shape != shape:
            raise ProofError(f"it makes {expected.shape} of {picture.shape}, and not {shape}")
        for name, run in runs.items():
            worst = max(worst, _difference(name, run(picture), expected))
    return worst


def pictures(network: Network, model: onnx.ModelProto) -> list[Batch]:
    """Return what a graph is tried on: a photograph in each shape."""
    if (fixed := fixed_size(model)) is not None:
        shapes = [fixed]
    else:
        step = network.alignment
        side, odd = round_up(_SIDE, step), step * (_SIDE // step // 2 * 2 + 1)
        shapes = [(side, side), (side, 2 * side), (odd + 2 * step, odd)]
    return [picture(network.channels, *shape) for shape in shapes]


def fixed_size(model: onnx.ModelProto) -> tuple[int, int] | None:
    """Return the height and width that a graph takes, if it takes only one."""
    _, _, height, width = (d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)
    return (height, width) if height and width else None


def picture(channels: int, height: int, width: int) -> Batch:
    """Return a photograph, repeated in a mirror, float32 (1, channels, height, width)."""
    image = photograph()[:, :channels]
    more = [
        max(0, size - have) for size, have in zip((height, width), image.shape[2:], strict=True)
    ]
    large = np.pad(image, [(0, 0), (0, 0), (0, more[0]), (0, more[1])], mode="symmetric")
    return np.ascontiguousarray(large[..., :height, :width])


def _by_torch(network: Network, picture: Batch) -> Batch:
    with torch.inference_mode():
        output: Batch = network.module(torch.from_numpy(picture)).numpy()
    return output


def _difference(name: str, output: Batch, expected: Batch) -> float:
    if output.shape != expected.shape or not np.isfinite(output).all():
        raise ProofError(f"{name} makes {output.shape} of what torch makes {expected.shape} of")
    difference = float(np.abs(output.clip(0, 1) - expected.clip(0, 1)).max())
    if difference > BOUND:
        raise ProofError(f"{name} differs from torch by {255 * difference:.2f} of 255")
    return difference


def _runtimes(model: onnx.ModelProto) -> Iterator[tuple[str, Callable[[Batch], Batch]]]:
    content = model.SerializeToString()
    yield "ONNX Runtime", _onnx_runtime(content)
    try:
        yield "OpenVINO", _openvino(content)
    except (ImportError, RuntimeUnavailable):  # not on every system; it runs nothing then
        return


def _onnx_runtime(content: bytes) -> Callable[[Batch], Batch]:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = cores()
    try:
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise ProofError(f"ONNX Runtime does not open it: {error}") from None
    name = session.get_inputs()[0].name

    def run(picture: Batch) -> Batch:
        try:
            output: Batch = session.run(None, {name: picture})[0]
        except Exception as error:
            raise ProofError(f"ONNX Runtime does not run it: {error}") from None
        return output

    return run


def _openvino(content: bytes) -> Callable[[Batch], Batch]:
    core = importlib.import_module("upscaler.runtimes.openvino_cpu")
    ov = core.ov
    settings = {"INFERENCE_PRECISION_HINT": ov.Type.f32, "INFERENCE_NUM_THREADS": cores()}
    try:
        compiled = ov.Core().compile_model(ov.Core().read_model(content), "CPU", settings)
    except RuntimeError as error:
        raise ProofError(f"OpenVINO does not open it: {error}") from None

    def run(picture: Batch) -> Batch:
        try:
            output: Batch = compiled(picture)[0].copy()
        except RuntimeError as error:
            raise ProofError(f"OpenVINO does not run it: {error}") from None
        return output

    return run
