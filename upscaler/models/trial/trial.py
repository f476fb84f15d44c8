"""What a model from outside is: found out by its graph as far as that goes, then by trying.

`python -m upscaler.models.trial.trial PATH ALIGNMENT SECONDS MEMORY` writes its ModelSpec to stdout
as JSON, without a name; it fails with one line on stderr. On Linux the process may take MEMORY
bytes and no more.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from upscaler.errors import ModelError
from upscaler.hardware import system
from upscaler.models.graph.divisors import LARGEST, divisors
from upscaler.models.graph.receptive_field import Geometry
from upscaler.models.grid import round_up
from upscaler.models.probe import SIDE, corner, encode, probe_image
from upscaler.models.self_test import check_likeness, difference_of_parts
from upscaler.models.spec import FEATHERED, MEASURED, ModelSpec, Tiling
from upscaler.models.trial import edges
from upscaler.models.trial.form import Form, take_form
from upscaler.models.trial.session import Batch, Session

MEASURED_FROM = 64
"""Pixels: a halo by the graph that is larger is measured instead."""

_FALLS = 4
"""How many times smaller a difference has to be twice as far from the cut, if it is to end."""

_MEMORY_WORK = 1.5
"""Seconds of one core for the picture on which memory is measured."""


def trial(path: Path, alignment: int, limit: float | None = None) -> ModelSpec:
    """Return what a model is, without a name.

    Args:
        alignment: pictures have to be multiples of it, at least.
        limit: seconds of work for the first picture, see `Session`.

    Raises:
        ModelError: it makes no pictures like those that it is given.
    """
    model = onnx.load(path)
    form = take_form(model, limit)
    source = model.SerializeToString() if form.done else path
    run = Session(source, form.proof.scale if form.proof else None, limit)
    alignment = _alignment(run, form, math.lcm(alignment, divisors(model.graph)), alignment)
    picture = probe_image(alignment, form.size)
    probe = run(picture)
    scale = run.scale or 1
    check_likeness(probe, picture, scale)
    memory = _memory(run, form, picture)  # before there was a larger one
    halo, tiling = _tiling(run, alignment, form)
    seconds = 1e6 * run.seconds_per_pixel / scale**2
    return ModelSpec(
        name="",
        scale=scale,
        halo=halo,
        alignment=alignment,
        tiling=replace(tiling, bytes_per_pixel=memory),
        form=form.done,
        probe=encode(corner(probe, scale) if form.size else probe),
        parameters=sum(math.prod(tensor.dims) for tensor in model.graph.initializer),
        seconds_per_megapixel=float(f"{seconds:.3g}"),
    )


def _alignment(run: Session, form: Form, guess: int, least: int) -> int:
    """Return what pictures have to be multiples of: as the graph says it, or as it shows.

    Args:
        guess: where to begin to try; then twice, four times ... as much.
        least: what is known already.
    """
    if form.size is not None:
        return 1
    if form.proof is not None:
        return math.lcm(least, form.proof.alignment)
    first: Exception | None = None
    while guess <= LARGEST:
        odd = round_up(SIDE, 2 * guess) + guess
        square = probe_image(odd)
        try:
            run(np.concatenate([square, square[..., : 2 * guess]], axis=3))
        except Exception as error:  # ONNX Runtime has its own
            first = first or error
            guess *= 2
        else:
            return guess
    raise first or ModelError(f"it wants pictures in multiples of more than {LARGEST} pixels")


def _tiling(run: Session, alignment: int, form: Form) -> tuple[int, Tiling]:
    """Return the halo, and how tiles come together: as the graph says it where that holds and is
    small, or else as measured.
    """
    if form.size is not None:
        return _feathered(edges.measure_fixed(run, form.size), 1, form.size)
    if form.proof is None:
        return _measured(run, alignment, None)
    reach = round_up(form.proof.halo, alignment)
    if reach > MEASURED_FROM:
        return _measured(run, alignment, reach)
    if not difference_of_parts(run, Geometry(form.proof.scale, reach, alignment)):
        return reach, Tiling()
    return _measured(run, alignment, None)  # the graph says one thing and does another


def _measured(run: Session, alignment: int, reach: int | None) -> tuple[int, Tiling]:
    """Return the first halo beyond which cuts are not seen.

    Args:
        reach: the halo by the graph, if that says one: no other has to be as large.
    """
    near = [halo for halo in edges.HALOS if halo <= edges.SMALL]
    far = [halo for halo in edges.HALOS if halo > edges.SMALL]
    seen = edges.measure(run, alignment, edges.SMALL)
    halo = _first(seen, near, alignment)
    last, middle = (round_up(size, alignment) for size in (edges.SMALL, edges.SMALL // 2))
    if halo is None and seen.beyond(last) <= seen.beyond(middle) / _FALLS:
        takes = run.seconds_per_pixel * edges.work(alignment, max(far))
        if takes > 2 * edges.WORK and seen.beyond(last) <= edges.TOLERABLE:
            halo = last
        else:
            seen = edges.measure(run, alignment, max(far))
            halo = _first(seen, far, alignment)
    if reach is not None and (halo is None or halo >= reach):
        return reach, Tiling()
    if halo is not None:
        return halo, Tiling(MEASURED, round(seen.beyond(halo), 2))
    return _feathered(seen, alignment)


def _feathered(
    seen: edges.Edges, alignment: int, size: tuple[int, int] | None = None
) -> tuple[int, Tiling]:
    halo = round_up(edges.OVERLAP // 2, alignment)
    deviation, jump = seen.blended(2 * halo)
    return halo, Tiling(FEATHERED, round(deviation, 1), round(jump, 2), size)


def _first(seen: edges.Edges, halos: Sequence[int], alignment: int) -> int | None:
    aligned = (round_up(halo, alignment) for halo in halos)
    return next((halo for halo in aligned if seen.beyond(halo) <= edges.ENOUGH), None)


def _memory(run: Session, form: Form, picture: Batch) -> int:
    """Return how many bytes a pixel takes, in a larger picture made of the probe; 0 if unknown."""
    if form.size is not None:
        return 0
    quick = 16 * run.seconds_per_pixel * picture[0, 0].size <= _MEMORY_WORK
    times = 4 if quick else 2
    return run.bytes_per_pixel(np.tile(picture, (1, 1, times, times)))


def main(path: str, alignment: str, limit: str, memory: str) -> None:
    """See the module."""
    system.limit_memory(int(memory))
    sys.stdout.write(trial(Path(path), int(alignment), float(limit)).to_json())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ModelError as error:
        sys.exit(str(error))
    except Exception as error:  # the parent shows the last line, and wants it alone
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        sys.exit(f"it does not run on a small picture: {reason}")
