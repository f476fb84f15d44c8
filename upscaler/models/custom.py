"""ONNX files from outside the package: found out, or refused with the reason.

Every file that a person names by its path goes through the same steps, unless it lies in the
package itself:

1. Weights in further files have to lie in the model's own folder, no links among them.
2. The trial (`trial/`), in a child process that may take so much work and, on Linux, memory. A
   graph that never ends or crashes ends only the child. Scale, halo and alignment are read off
   the graph, or measured where that says nothing, or nothing of use.
3. The verdict is kept (`verdicts.py`), so that this happens once for each file.

A file that carries a ModelSpec has to say the same of itself. The reduced files beside a model
(fp16, int8) are not tried: a runtime that opens one holds it against the same probe.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from upscaler.errors import ModelError
from upscaler.hardware import system
from upscaler.models import verdicts
from upscaler.models.model import Model
from upscaler.models.probe import largest_difference, unpacked
from upscaler.models.spec import EXACT, ModelSpec

FIRST_LIMIT = 60.0
"""Seconds of work for the first picture, of 24 pixels or the least that the model takes."""

_LONGEST = 900.0
"""Seconds until the trial is ended whatever it does."""

MEMORY_LIMIT = 8 << 30
"""Bytes of address space, the libraries' own included."""

# -P: the program's own modules, not whatever lies in the folder it was called from
TRIAL = [sys.executable, "-P", "-m", "upscaler.models.trial.trial"]

_SAME_PROBE = 1 / 255

_LOCATION = b"location"
"""The key by which a tensor names the file that its weights are in."""


class FormedModel(Model):
    """A file that has to take another form before a runtime takes it; see `ModelSpec.form`."""

    def source(self, precision: str) -> Path | bytes:
        """See `Model`; the content is made anew each time, as it may be large."""
        source = super().source(precision)
        if isinstance(source, bytes) or precision in ("int8", "fp16"):
            return source
        import onnx  # here, as in `data_files`: a model that is known needs no graph

        from upscaler.models.trial.form import form_again

        model = onnx.load(source)
        form_again(model, self.spec.form, self.spec.scale)
        content: bytes = model.SerializeToString()
        return content


def open_model(path: Path, data: tuple[Path, ...], description: str | None) -> Model:
    """Return a model from outside, once it has been tried.

    Args:
        data: further files that hold weights of it.
        description: the ModelSpec that it carries, as JSON.

    Raises:
        ModelError: it makes no pictures, or others than it says.
    """
    if description is None:
        spec = inspect(path)
    else:
        spec = ModelSpec.from_json(description)
        if spec.precision == "fp32":
            spec = check(path, spec)
    return (FormedModel if spec.form else Model)(path, spec, data)


def inspect(path: Path, *, name: str | None = None, alignment: int = 1) -> ModelSpec:
    """Find out what an ONNX file without a ModelSpec is; what was found before is recalled.

    Whoever has made the file may know more of it, and `verdicts.remember` the answer with that
    added, by the `Model.sha256` of the file.

    Args:
        name: what the model is called; by default as the file.
        alignment: pictures have to be multiples of it; where the graph wants more, that counts.

    Raises:
        ModelError: it enlarges no pictures, or takes too long or too much memory for small ones.
    """
    sha256 = Model(path, _UNKNOWN, tuple(data_files(path))).sha256
    spec = verdicts.recall(sha256)
    if spec is None:
        found = _tried(path, alignment)
        spec = replace(found, name=name or path.stem.removesuffix(f"-x{found.scale}"))
        verdicts.remember(sha256, spec)
    return spec


def check(path: Path, spec: ModelSpec) -> ModelSpec:
    """Hold a model against the ModelSpec that it carries; return that with what was found.

    Raises:
        ModelError: its graph has another geometry, or it fails the trial.
    """
    found = inspect(path)
    stated, here = (
        f"scale {one.scale}, halo {one.halo}, alignment {one.alignment}" for one in (spec, found)
    )
    if stated != here and spec.tiling.kind == EXACT:
        raise ModelError(f"{path} says of itself {stated}, but has {here}; export it again")
    difference = largest_difference(unpacked(found.probe), spec.probe)
    if difference > _SAME_PROBE:
        raise ModelError(
            f"{path} makes {255 * difference:.1f} of 255 another picture of the probe than it says "
            f"of itself; export it again"
        )
    return replace(
        spec,
        scale=found.scale,
        halo=found.halo,
        alignment=found.alignment,
        tiling=found.tiling,
        form=found.form,
        seconds_per_megapixel=found.seconds_per_megapixel,
    )


def data_files(path: Path) -> list[Path]:
    """Return the files beside a model that hold weights of it.

    Raises:
        ModelError: it is no ONNX file; or see `external_files`.
    """
    if _LOCATION not in path.read_bytes():  # and most are one file
        return []
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    from upscaler.models.graph.external_data import external_files

    try:
        return external_files(path, onnx.load(path, load_external_data=False))
    except DecodeError:
        raise ModelError(f"{path} is not an ONNX file") from None


_UNKNOWN = ModelSpec(name="", scale=1, halo=0, alignment=1)


def _tried(path: Path, alignment: int) -> ModelSpec:
    """Return what the trial says of a model."""
    numbers = (alignment, FIRST_LIMIT, MEMORY_LIMIT)
    try:
        child = subprocess.run(
            [*TRIAL, path, *map(str, numbers)],
            capture_output=True,
            timeout=_LONGEST,
            check=False,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # each takes of the address space
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"{path} cannot be used: it takes more than {_LONGEST:g} s for small pictures"
        ) from None
    if system.worked_too_long(child.returncode):
        raise ModelError(
            f"{path} cannot be used: it takes more than {FIRST_LIMIT:g} s of work for a small "
            f"picture, or far more for a larger one"
        )
    if how := system.died_by(child.returncode):
        raise ModelError(f"{path} cannot be used: on a small picture its process ended {how}")
    if child.returncode:
        errors = child.stderr.decode(errors="replace").strip().splitlines()
        reason = errors[-1] if errors else f"its process ended with {child.returncode}"
        raise ModelError(f"{path} cannot be used: {reason}")
    try:
        return ModelSpec.from_json(child.stdout.decode(errors="replace"))
    except ModelError:
        raise ModelError(f"{path} cannot be used: its process wrote something else") from None
