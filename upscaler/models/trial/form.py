"""The form in which runtimes take a model, and what its graph says of itself."""

import math
from dataclasses import dataclass

import onnx
from onnx import ModelProto

from upscaler.errors import ModelError
from upscaler.models.graph.divisors import divisors
from upscaler.models.graph.fold import folded
from upscaler.models.graph.prepare import (
    computes_in_half,
    free_size,
    shape_of,
    sort_nodes,
    take_colour,
    widen,
)
from upscaler.models.graph.receptive_field import Geometry, geometry, graph_input
from upscaler.models.grid import round_up
from upscaler.models.probe import probe_image
from upscaler.models.spec import FREED, GREY, SINGLE
from upscaler.models.trial.session import Session

_LEAST_SIZE = 64
"""Pixels: smaller tiles would be overlap only."""

_FOLDED_AT = 32
"""Pixels; a graph is folded for pictures of a few times that."""


@dataclass(frozen=True)
class Form:
    """What was found without running a picture."""

    done: tuple[str, ...]
    """What was done to the model, see `ModelSpec.form`."""
    size: tuple[int, int] | None
    """Height and width of the only pictures that it takes."""
    proof: Geometry | None
    """What its graph says, if that is to be read."""


def take_form(model: ModelProto, limit: float | None) -> Form:
    """Give a model, in place, the form that runtimes take.

    Args:
        limit: see `Session`.

    Raises:
        ModelError: it takes no picture, or makes none.
    """
    done = []
    sort_nodes(model)
    if computes_in_half(model):
        widen(model)
        done.append(SINGLE)
    check_input(model)
    shape = shape_of(graph_input(model.graph))
    size = (shape[2] or shape[3], shape[3] or shape[2]) if shape[2] or shape[3] else None
    proof = _walked(model)
    if size and proof:
        free_size(model)
        done, size = [*done, FREED], None
    if size and min(size) < _LEAST_SIZE:
        raise ModelError(f"it takes pictures of {size[1]}x{size[0]} only, too small for tiles")
    if shape[1] == 1:
        take_colour(model, proof.scale if proof else _scale_of_grey(model, size, limit))
        done, proof = [*done, GREY], proof and _walked(model)
    if size is None and proof is None:
        proof = _walked_when_folded(model)
    return Form(tuple(done), size, proof)


def form_again(model: ModelProto, done: tuple[str, ...], scale: int) -> None:
    """Do to a model, in place, what `take_form` did to it in the trial."""
    sort_nodes(model)
    if SINGLE in done:
        widen(model)
    if FREED in done:
        free_size(model)
    if GREY in done:
        take_colour(model, scale)


def check_input(model: ModelProto) -> None:
    """Refuse what takes no picture, or makes none.

    Raises:
        ModelError: it has other inputs or outputs.
    """
    value = graph_input(model.graph)
    tensor, shape = value.type.tensor_type, shape_of(value)
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        raise ModelError(f"it takes {kind}, and has to take float (1, 3, height, width)")
    if len(shape) != 4 or shape[0] > 1:
        raise ModelError(f"it takes the shape {shape}, and has to take (1, 3, height, width)")
    if shape[1] not in (0, 1, 3):
        raise ModelError(f"it takes {shape[1]} channels, and has to take 3, or 1")
    if len(model.graph.output) != 1:
        raise ModelError(f"it has {len(model.graph.output)} outputs instead of one picture")


def _walked(model: ModelProto) -> Geometry | None:
    try:
        return geometry(model)
    except ModelError:
        return None


def _walked_when_folded(model: ModelProto) -> Geometry | None:
    """Return what the graph says at two sizes of picture, if that is the same."""
    unit = divisors(model.graph)
    side, found = round_up(_FOLDED_AT, unit), set()
    for rows, columns in ((3, 4), (5, 3)):
        try:
            found.add(geometry(folded(model, rows * side, columns * side)))
        except Exception:  # it is a try: whatever it stumbles over, the trial goes on without it
            return None
    if len(found) != 1:
        return None
    (same,) = found
    alignment = math.lcm(same.alignment, unit)
    return Geometry(same.scale, round_up(same.halo, alignment), alignment)


def _scale_of_grey(model: ModelProto, size: tuple[int, int] | None, limit: float | None) -> int:
    run = Session(model.SerializeToString(), limit=limit)
    run(probe_image(divisors(model.graph), size)[:, :1])
    return run.scale or 1
