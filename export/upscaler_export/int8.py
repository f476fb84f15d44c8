"""An 8-bit model: quantised convolutions between a first and a last one in float.

ONNX Runtime's own quantiser does the work, as QuantizeLinear and DequantizeLinear pairs that
OpenVINO, ONNX Runtime and TensorRT all understand. The first and last convolution, the bicubic
base and the addition to it stay in float: they are cheap, and what they lose would show.
"""

import io
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from upscaler.errors import UsageError
from upscaler.images import images_in, open_reference
from upscaler.quality.metrics import bicubic, modcrop
from upscaler_export.graph import INPUT

_IN_FLOAT = ("head", "tail", "base")
_PICTURES, _SIDE, _ALIGNMENT = 12, 192, 16


def to_int8(model: onnx.ModelProto, photographs: Path, scale: int) -> onnx.ModelProto:
    """Return a float32 model of `to_onnx` with its inner convolutions in 8 bits.

    Args:
        photographs: folder of high-resolution pictures, which are shrunk by `scale` and show
            what ranges the values have. The first dozen are used, 192x192 small pixels of each.

    Raises:
        UsageError: there is no picture in the folder, or one that cannot be read.
    """
    plain = _with_float_weights(model)
    inner = [
        node.name
        for node in plain.graph.node
        if node.op_type == "Conv" and not any(f".{part}." in node.input[1] for part in _IN_FLOAT)
    ]
    pictures = _Pictures(photographs, scale)
    with tempfile.TemporaryDirectory(prefix="upscaler-") as scratch:
        source, target = Path(scratch) / "float.onnx", Path(scratch) / "int8.onnx"
        onnx.save(plain, source)
        with _quiet():
            quantize_static(
                source,
                target,
                pictures,
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                nodes_to_quantize=inner,
                calibrate_method=CalibrationMethod.Percentile,
            )
        quantised = onnx.load(target)
    del quantised.metadata_props[:]
    onnx.checker.check_model(quantised, full_check=True)
    return quantised


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser reports on the root logger and on stdout."""
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _with_float_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Undo the storage in float16: the quantiser wants to see the weights."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    stored = {tensor.name: tensor for tensor in plain.graph.initializer}
    for node in [node for node in plain.graph.node if node.op_type == "Cast"]:
        tensor = stored[node.input[0]]
        values = numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), node.output[0]))
        plain.graph.node.remove(node)
    return plain


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    """Small pictures as the network gets them, one at a time."""

    def __init__(self, folder: Path, scale: int) -> None:
        self._batches = self._read(folder, scale)
        self._next = next(self._batches, None)
        if self._next is None:
            raise UsageError(
                f"no pictures in {folder}; give photographs that show --int8 what values to expect"
            )

    def _read(self, folder: Path, scale: int) -> Iterator[NDArray[np.float32]]:
        for path in images_in(folder, below=True)[:_PICTURES]:
            large = open_reference(path)[: scale * _SIDE, : scale * _SIDE]
            small = bicubic(modcrop(large, scale * _ALIGNMENT), 1 / scale)
            if small.size:
                values = small.transpose(2, 0, 1)[None].astype(np.float32)
                yield np.ascontiguousarray(values / 255)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """See `CalibrationDataReader`."""
        batch, self._next = self._next, next(self._batches, None)
        return None if batch is None else {INPUT: batch}
