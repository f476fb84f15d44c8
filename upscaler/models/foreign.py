"""ONNX files that were not made by `upscaler export`: found out, or refused with the reason.

Halo and alignment are read off the graph; the scale is read off it, too, and has to be what the
model really does to a probe. That runs in a child process with a time limit, so that a graph
that never ends, or takes its process down, cannot do so to a run.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx.external_data_helper import ExternalDataInfo

from upscaler.errors import ModelError
from upscaler.models.receptive_field import Geometry, geometry, graph_input
from upscaler.probe import encode, probe_image
from upscaler.spec import ModelSpec

TIME_LIMIT = 60.0
"""Seconds for two small pictures."""


def describe(path: Path) -> ModelSpec:
    """Find out what a model without a ModelSpec is.

    Raises:
        ModelError: it is no upscaler of RGB pictures of any size, or it fails on the probe.
    """
    model = _load(path)
    try:
        _check_input(graph_input(model.graph))
        found = geometry(model)
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from None
    return ModelSpec(
        name=path.stem.removesuffix(f"-x{found.scale}"),
        scale=found.scale,
        halo=found.halo,
        alignment=found.alignment,
        probe=encode(_probed(path, found)),
        parameters=sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer),
    )


def external_files(path: Path) -> list[Path]:
    """Return the files beside a model that hold weights of it.

    Raises:
        ModelError: it is no ONNX file, or wants a file from outside its own folder.
    """
    tensors = _load(path).graph.initializer
    names = {
        ExternalDataInfo(tensor).location
        for tensor in tensors
        if tensor.data_location == onnx.TensorProto.EXTERNAL
    }
    return [_inside(path, name) for name in sorted(names)]


def _load(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path, load_external_data=False)
    except DecodeError:
        raise ModelError(f"{path} is not an ONNX file") from None


def _inside(path: Path, name: str) -> Path:
    folder, wanted = path.parent.resolve(), (path.parent / name).resolve()
    if folder not in wanted.parents:
        raise ModelError(f"{path} wants its weights from {name}, outside its own folder")
    if not wanted.is_file():
        raise ModelError(f"{path} has its weights in {name}, which is not there")
    return wanted


def _check_input(value: onnx.ValueInfoProto) -> None:
    tensor = value.type.tensor_type
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        raise ModelError(f"it takes {kind}, and has to take float (1, 3, height, width)")
    sizes = [item.dim_value if item.HasField("dim_value") else 0 for item in tensor.shape.dim]
    if len(sizes) != 4 or sizes[0] > 1:
        raise ModelError(f"it takes the shape {sizes}, and has to take (1, 3, height, width)")
    if sizes[1] != 3:
        raise ModelError(f"it takes {sizes[1] or 'any number of'} channels, and has to take 3")
    if sizes[2] or sizes[3]:
        raise ModelError(
            f"it takes pictures of {sizes[3] or 'any'}x{sizes[2] or 'any'} only; "
            f"export it with a dynamic height and width"
        )


def _probed(path: Path, found: Geometry) -> NDArray[np.float32]:
    """Return what the model makes of the probe, in fp32 on the CPU, in a process of its own."""
    side = probe_image(found.alignment).shape[-1]
    # -P: the program's own modules, not whatever lies in the folder it was called from
    command = [sys.executable, "-P", "-m", "upscaler.models.trial", str(path), str(found.alignment)]
    try:
        child = subprocess.run(command, capture_output=True, timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"{path} takes more than {TIME_LIMIT:g} s for a picture of {side}x{side} pixels"
        ) from None
    if child.returncode:
        said = child.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"its process ended with {child.returncode}"
        raise ModelError(f"{path} does not run on a small picture: {reason}")
    output = np.frombuffer(child.stdout, np.float32)
    if output.size != 3 * (side * found.scale) ** 2:
        raise ModelError(f"{path} does not enlarge {found.scale} times, as its graph says")
    if not np.isfinite(output).all():
        raise ModelError(f"{path} makes of a small picture what are no numbers")
    return output
