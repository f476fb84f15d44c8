"""ONNX files from outside the package: found out, or refused with the reason.

Every file that a person names by its path goes through the same three steps, unless it lies in
the package itself:

1. Weights in further files have to lie in the model's own folder, no links among them.
2. Scale, halo and alignment are read off the graph (`receptive_field.py`), which refuses every
   operation that it does not know. A file that carries a ModelSpec has to say the same of itself.
3. The self-test (`self_test.py`): small pictures in fp32 on the CPU, in a child process that may
   take TIME_LIMIT and, on Linux, MEMORY_LIMIT. A graph that never ends or crashes ends only the
   child.

The self-test demands float32 outputs of the right size, near the bicubic enlargement of the probe.
What is cut out of a picture with a halo has to become what it becomes within the whole. A probe
that came with the file has to come out again. The reduced files beside a model (fp16, int8) are
not tested: a runtime that opens one holds it against the same probe.
"""

import hashlib
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from upscaler.errors import ModelError
from upscaler.models import verdicts
from upscaler.models.graph.external_data import external_files
from upscaler.models.graph.receptive_field import Geometry, geometry, graph_input
from upscaler.models.probe import encode, largest_difference, probe_image
from upscaler.models.spec import ModelSpec

TIME_LIMIT = 60.0
"""Seconds for a handful of small pictures."""

MEMORY_LIMIT = 8 << 30
"""Bytes of address space, the libraries' own included."""

# -P: the program's own modules, not whatever lies in the folder it was called from
SELF_TEST = [sys.executable, "-P", "-m", "upscaler.models.self_test"]

_SAME_PROBE = 1 / 255


def inspect(path: Path, *, name: str | None = None, alignment: int = 1) -> ModelSpec:
    """Find out what an ONNX file without a ModelSpec is; what was found before is recalled.

    Whoever has made the file may know more of it, and `verdicts.remember` the answer with that
    added, by the sha256 of the file.

    Args:
        name: what the model is called; by default as the file.
        alignment: pictures have to be multiples of it; where the graph wants more, that counts.

    Raises:
        ModelError: it is no upscaler of pictures, or it fails the self-test.
    """
    digest = hashlib.sha256(path.read_bytes())
    for further in data_files(path):
        digest.update(further.read_bytes())
    if (known := verdicts.recall(digest.hexdigest())) is not None:
        return known
    model = load_graph(path)
    found = _geometry(path, model)
    spec = ModelSpec(
        name=name or path.stem.removesuffix(f"-x{found.scale}"),
        scale=found.scale,
        halo=found.halo,
        alignment=math.lcm(found.alignment, alignment),
        probe=encode(_tested(path, found)),
        parameters=sum(math.prod(tensor.dims) for tensor in model.graph.initializer),
    )
    verdicts.remember(digest.hexdigest(), spec)
    return spec


def check(path: Path, spec: ModelSpec) -> None:
    """Hold a model against the ModelSpec that it carries.

    Raises:
        ModelError: its graph has another geometry, or it fails the self-test.
    """
    found = _geometry(path, load_graph(path))
    stated = Geometry(spec.scale, spec.halo, spec.alignment)
    if stated != found:
        raise ModelError(
            f"{path} says of itself {stated}, but its graph has {found}; export it again"
        )
    difference = largest_difference(_tested(path, found), spec.probe)
    if difference > _SAME_PROBE:
        raise ModelError(
            f"{path} makes {255 * difference:.1f} of 255 another picture of the probe than it says "
            f"of itself; export it again"
        )


def data_files(path: Path) -> list[Path]:
    """Return the files beside a model that hold weights of it; see `external_files`."""
    return external_files(path, load_graph(path))


def load_graph(path: Path) -> onnx.ModelProto:
    """Read an ONNX file without the weights in further files; ModelError if it is none."""
    try:
        return onnx.load(path, load_external_data=False)
    except DecodeError:
        raise ModelError(f"{path} is not an ONNX file") from None


def _geometry(path: Path, model: onnx.ModelProto) -> Geometry:
    try:
        _check_input(graph_input(model.graph))
        return geometry(model)
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from None


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


def _tested(path: Path, found: Geometry) -> NDArray[np.float32]:
    """Return what the model makes of the probe, once it has passed the self-test."""
    shape = np.array(probe_image(found.alignment).shape) * (1, 1, found.scale, found.scale)
    numbers = (found.scale, found.halo, found.alignment, MEMORY_LIMIT)
    try:
        child = subprocess.run(
            [*SELF_TEST, path, *map(str, numbers)],
            capture_output=True,
            timeout=TIME_LIMIT,
            check=False,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # each takes of the address space
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"{path} cannot be used: it takes more than {TIME_LIMIT:g} s for small pictures"
        ) from None
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        raise ModelError(f"{path} cannot be used: on a small picture its process ended by {name}")
    if child.returncode:
        errors = child.stderr.decode(errors="replace").strip().splitlines()
        reason = errors[-1] if errors else f"its process ended with {child.returncode}"
        raise ModelError(f"{path} cannot be used: {reason}")
    output = np.frombuffer(child.stdout, np.float32)
    if output.size != shape.prod():
        raise ModelError(f"{path} cannot be used: its process wrote {output.size} numbers")
    return output.reshape(shape)
