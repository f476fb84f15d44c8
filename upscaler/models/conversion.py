"""Files of weights, as they are passed around for torch: turned into ONNX once, and kept.

`upscaler_export.foreign` does the work, in a process of its own that may take TIME_LIMIT and, on
Linux, MEMORY_LIMIT. It is started by its name, as its command is, and needs the extra [pth]; what
comes of it needs no torch. It lies in the cache folder, named by the sha256 of the file.
"""

import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from upscaler.errors import ModelError, OutputError
from upscaler.hardware import system
from upscaler.hardware.cpu import cores
from upscaler.hardware.folders import cache_folder
from upscaler.models.custom import FormedModel, inspect
from upscaler.models.graph.metadata import read_metadata
from upscaler.models.model import Model
from upscaler.models.spec import FEATHERED, ModelSpec

INSTALL = "pip install 'upscaler-aeu[pth]' --extra-index-url https://download.pytorch.org/whl/cpu"

FACTS_KEY = "upscaler.conversion"
"""The key in a converted file's `metadata_props` that holds its Facts as JSON."""

CONVERT = [sys.executable, "-P", "-m", "upscaler_export.foreign.convert"]

STEPS = ("traced", "read", "traced, one size", "read, one size")
"""Ways to convert, tried in turn (`upscaler_export.foreign.ladder`), a process each: one of
torch's exporters takes its process with it."""

VERSIONS = ("spandrel", "torch")
"""The packages whose versions a conversion depends on."""

REFUSED = 3
"""How the process ends if no other step could do better."""

TIME_LIMIT = 1800.0
"""Seconds for a step; the best-known models take one minute on a core."""

MEMORY_LIMIT = 16 << 30
"""Bytes of address space, of which torch's libraries take some."""

_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",  # on a busy machine torch's threads would mostly wait, at work
}

_LAYOUT = 1
"""Of what is kept: it grows when another file may come of the same weights."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Facts:
    """What a conversion found out, for the file that it wrote."""

    architecture: str
    alignment: int
    """Pictures have to be multiples of it."""
    step: str
    """The one of STEPS that was right."""
    difference: float
    """The largest between torch, ONNX Runtime and OpenVINO in three shapes, of [0, 1]."""
    precision_loss: dict[str, float]
    """Loss of PSNR-Y in dB, by precision."""
    versions: dict[str, str]

    def to_json(self) -> str:
        """Return the text stored under `FACTS_KEY`."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what a converted file says of itself; raises ModelError if it does not."""
        try:
            return cls(**json.loads(read_metadata(path.read_bytes())[FACTS_KEY]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path} is no converted model ({error}); delete it") from None


@dataclass(frozen=True)
class Converted:
    """An ONNX file made of a file of weights."""

    path: Path
    facts: Facts
    new: bool = field(default=False, compare=False)
    """Whether it was made just now."""


class WeightsModel(FormedModel):
    """The model of a file of weights: in float16, too, made in memory."""

    def source(self, precision: str) -> Path | bytes:
        """See `Model`."""
        if precision == "fp16":
            from upscaler.models.half import on_pixels, to_half

            content: bytes = on_pixels(to_half(self.load("fp32"))).SerializeToString()
            return content
        return super().source(precision) if self.spec.form else self.path


def open_weights(path: Path) -> Model:
    """Return the model in a file of weights, tried as any from outside; says what was found.

    Raises:
        ModelError: see `converted` and `custom.inspect`.
        StartError, OutputError: the cache cannot be used.
    """
    made = converted(path)
    try:
        found = inspect(made.path, name=path.stem, alignment=made.facts.alignment)
    except ModelError as error:
        raise ModelError(str(error).replace(str(made.path), str(path))) from None
    spec = replace(found, name=path.stem, precision_loss=made.facts.precision_loss)
    if made.new:
        _LOG.warning("%s: %s", path.name, in_words(spec, made.facts))
    return WeightsModel(made.path, spec)


def in_words(spec: ModelSpec, facts: Facts) -> str:
    """Return what a person wants to know of a converted model, in a line."""
    seconds = spec.seconds_per_megapixel / cores()
    sees = {FEATHERED: "looks at the whole picture"}.get(
        spec.tiling.kind, f"sees {spec.halo} pixels far ({spec.tiling.kind})"
    )
    return (
        f"{facts.architecture}, {spec.scale} times as large, {sees}, "
        f"about {seconds:.2g} s a megapixel here"
    )


def converted(path: Path) -> Converted:
    """Return the ONNX file of a file of weights, made now if it was not before.

    Raises:
        ModelError: the file is missing or damaged, holds more than weights or another network
            than one that enlarges pictures, or cannot be converted; or the extra is not here.
        StartError, OutputError: the cache cannot be used.
    """
    kept = _kept(path)
    if (known := _known(kept)) is not None:
        return known
    missing = [name for name in VERSIONS if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"{path} holds weights, and to turn them into a model once needs "
            f"{' and '.join(missing)}: {INSTALL}"
        )
    _LOG.warning("converting %s, once; this takes a minute or so", path.name)
    draft = kept.with_name(f".{kept.name}.{os.getpid()}.tmp")
    try:
        _climb(path, draft)
        system.replace(draft, kept)
    except OSError as error:
        raise OutputError(f"cannot write {kept}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return Converted(kept, Facts.read(kept), new=True)


def _kept(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}") from None
    return cache_folder("converted") / f"{digest[:32]}-{_LAYOUT}.onnx"


def _known(kept: Path) -> Converted | None:
    """Return what was converted before, unless by other versions than those that are here."""
    if not kept.is_file():
        return None
    try:
        facts = Facts.read(kept)
    except ModelError:
        return None
    here = _versions()
    return Converted(kept, facts) if here is None or here == facts.versions else None


def _versions() -> Mapping[str, str] | None:
    try:
        return {name: version(name) for name in VERSIONS}
    except PackageNotFoundError:
        return None


def _climb(path: Path, draft: Path) -> None:
    """Try one step after the other until one is right."""
    reasons = []
    for step in STEPS:
        reason = _tried(path, step, draft)
        if reason is None:
            return
        reasons.append(f"{step}: {reason}")
    raise ModelError(f"{path} cannot be converted: {'; '.join(reasons)}")


def _tried(path: Path, step: str, draft: Path) -> str | None:
    """Try one step; return why it failed, or None; raises ModelError if no other would do."""
    try:
        child = subprocess.run(
            [*CONVERT, path, step, draft, str(MEMORY_LIMIT)],
            capture_output=True,
            timeout=TIME_LIMIT,
            check=False,
            env={**os.environ, **_ENVIRONMENT},
        )
    except subprocess.TimeoutExpired:
        return f"it takes more than {TIME_LIMIT:g} s"
    if how := system.died_by(child.returncode):
        return f"its process ended {how}"
    if child.returncode == 0:
        return None
    lines = child.stderr.decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else f"its process ended with {child.returncode}"
    if child.returncode == REFUSED:
        raise ModelError(reason if reason.startswith(str(path)) else f"{path}: {reason}")
    return reason
