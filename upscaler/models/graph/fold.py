"""A graph at one size of picture, with all that follows from the size computed."""

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort
from onnx import ModelProto

from upscaler.models.graph.receptive_field import graph_input


def folded(model: ModelProto, height: int, width: int) -> ModelProto:
    """Return a copy for pictures of one size, without what ONNX Runtime can compute beforehand.

    Networks that ask for the size of their picture become plain then, or nearly so.
    """
    fixed = ModelProto()
    fixed.CopyFrom(model)
    shape = graph_input(fixed.graph).type.tensor_type.shape
    for place, size in ((0, 1), (2, height), (3, width)):
        shape.dim[place].dim_value = size
    for value in fixed.graph.output:
        value.type.tensor_type.ClearField("shape")
    del fixed.graph.value_info[:]
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        ort.InferenceSession(fixed.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)
