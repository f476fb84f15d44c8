"""What lies between a clean model and its restorer, which also repairs damage, weight by weight.

The restorer may see farther, by a context (see `network.py`). What adds it starts from zero then,
which is where its training started: at 0 the network of the restorer computes what the clean one
computes.

Nothing is written: a runtime gets the bytes of an ONNX file made in memory.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from onnx import TensorProto, numpy_helper

from upscaler.errors import RuntimeUnavailable, UsageError
from upscaler.models.catalogue import RESTORERS
from upscaler.models.graph.receptive_field import Geometry
from upscaler.models.model import Model, read_model
from upscaler.models.packaged import FOLDER, packaged_model, packaged_models
from upscaler.models.probe import encode, largest_difference
from upscaler.models.self_test import self_test
from upscaler.models.spec import Training

_MIXABLE = ("fp32", "fp16", "bf16")
"""In 8 bits, a weight means something only beside the scale of its own file."""

_SAME_PROBE = 1 / 255

_WEIGHT = "network."
_INSIDE_CONTEXT = (".context.down.", ".context.blocks.")
"""Of a context that the clean network lacks: what comes before the weights that add it."""


@dataclass(frozen=True, kw_only=True)
class Mix(Model):
    """A model between two; `path` is the clean one's."""

    clean: Model
    restorer: Model
    restore: float

    @property
    def title(self) -> str:
        """See `Model`."""
        return f"{self.clean.title} with {self.restore:g} of {self.restorer.spec.name}"

    @cached_property
    def sha256(self) -> str:
        """Of all that decides its weights, in hexadecimal."""
        facts = f"{self.clean.sha256} {self.restorer.sha256} {self.restore!r}"
        return hashlib.sha256(facts.encode()).hexdigest()

    def source(self, precision: str) -> bytes:
        """See `Model`; in fp32 the weights are float32, which the graph's Casts leave as they are.

        Raises:
            RuntimeUnavailable: of this precision there is no mix.
        """
        if precision not in _MIXABLE:
            raise RuntimeUnavailable(
                f"weights in {precision} cannot be mixed; --restore needs another --precision"
            )
        clean = {item.name: item for item in self.clean.load(precision).graph.initializer}
        model = self.restorer.load(precision)
        for its in model.graph.initializer:
            own = clean.get(its.name)
            fixed = own is None and is_inside_context(its.name)
            if its.name.startswith(_WEIGHT) and own != its and not fixed:
                its.CopyFrom(self._between(own, its, half=precision == "fp16"))
        del model.metadata_props[:]  # it describes the restorer
        content: bytes = model.SerializeToString()
        return content

    def _between(self, own: TensorProto | None, its: TensorProto, *, half: bool) -> TensorProto:
        second = numpy_helper.to_array(its).astype(np.float32)
        first = numpy_helper.to_array(own).astype(np.float32) if own else np.zeros_like(second)
        values = np.float32(1 - self.restore) * first + np.float32(self.restore) * second
        return numpy_helper.from_array(values.astype(np.float16) if half else values, its.name)


def is_inside_context(name: str) -> bool:
    """Whether a weight of a context does not add it by itself, so that it may stay whole."""
    return any(part in name for part in _INSIDE_CONTEXT)


def mixed(model: Model, restore: float, scale: float) -> Model:
    """Return the model at a place between a clean model, 0, and its restorer, 1.

    Args:
        model: either of the two.
        scale: how many times larger it shall make pictures at least. Of several the smallest is
            taken; between the ends, the smallest that both models have.

    Raises:
        UsageError: it is neither, or there is no such place.
        RuntimeUnavailable: ONNX Runtime computes wrongly here, and cannot tell what is right.
    """
    if not 0 <= restore <= 1:
        raise UsageError(f"--restore is {restore:g}; give 0 to 1")
    ours = model.path.resolve().parent == FOLDER.resolve()
    for names in RESTORERS.items():
        if ours and model.spec.name in names:
            if restore in (0, 1):
                return packaged_model(names[int(restore)], scale)
            return _mix(*_ends(names, scale), restore)
    pairs = ", ".join(f"-m {clean} or -m {restorer}" for clean, restorer in RESTORERS.items())
    raise UsageError(f"--restore goes with {pairs}; {model.title} has no such partner")


def _ends(names: tuple[str, str], scale: float) -> list[Path]:
    specs = [model.spec for model in packaged_models() if model.spec.scale >= scale]
    scales = [{spec.scale for spec in specs if spec.name == name} for name in names]
    if shared := set.intersection(*scales):
        return [FOLDER / f"{name}-x{min(shared)}.onnx" for name in names]
    raise UsageError(f"{' and '.join(names)} have no scale of {scale:g} or more in common")


@lru_cache(maxsize=8)
def _mix(clean_path: Path, restorer_path: Path, restore: float) -> Mix:
    clean, restorer = read_model(clean_path), read_model(restorer_path)
    losses = [end.spec.precision_loss for end in (clean, restorer)]
    spec = replace(
        restorer.spec,  # whose network it has
        name=clean.spec.name,
        weights_sha256="",
        training=Training(),
        quality={},
        # not measured for each mix: those that were lose about as much (docs/lab/training.md)
        precision_loss={
            precision: max(loss[precision] for loss in losses)
            for precision in _MIXABLE
            if all(precision in loss for loss in losses)
        },
        proof={},
    )
    mix = Mix(path=clean.path, spec=spec, clean=clean, restorer=restorer, restore=restore)
    return replace(mix, spec=replace(spec, probe=_probe(mix)))


def _probe(mix: Mix) -> str:
    """Return what a mix makes of the probe on ONNX Runtime, which has to make of it with both ends
    what torch made first.
    """
    found = Geometry(mix.spec.scale, mix.spec.halo, mix.spec.alignment)
    for end in (mix.clean, mix.restorer):
        if largest_difference(self_test(end.path, found), end.spec.probe) > _SAME_PROBE:
            raise RuntimeUnavailable(
                f"ONNX Runtime, by which a mix is proved, computes {end.title} wrongly here"
            )
    return encode(self_test(mix.source("fp32"), found))
