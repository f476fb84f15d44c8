"""Several models one after the other: what one makes of a picture goes to the next, in memory."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from upscaler.errors import RuntimeUnavailable, UsageError
from upscaler.models.grid import round_up
from upscaler.models.model import Model
from upscaler.models.spec import EXACT, FEATHERED, MEASURED, ModelSpec, Tiling

_FROM_BEST = (EXACT, MEASURED, FEATHERED)


@dataclass(frozen=True, kw_only=True)
class Chain(Model):
    """Models in their order; `path` is the first one's."""

    members: tuple[Model, ...]

    @property
    def title(self) -> str:
        """See `Model`."""
        return " + ".join(member.title for member in self.members)

    @cached_property
    def sha256(self) -> str:
        """Of all files, in their order, in hexadecimal."""
        facts = " ".join(member.sha256 for member in self.members)
        return hashlib.sha256(facts.encode()).hexdigest()

    def source(self, precision: str) -> Path | bytes:
        """A chain is no file: its members are opened one by one.

        Raises:
            RuntimeUnavailable: always.
        """
        raise RuntimeUnavailable("it opens the models of a chain one by one")


def chain_of(members: Sequence[Model]) -> Chain:
    """Return the chain of two or more models.

    Its halo is what the first one sees beyond what the others see of its output.

    Raises:
        UsageError: one of them takes pictures of one size only.
    """
    for member in members:
        if member.spec.tiling.size:
            raise UsageError(f"{member.title} takes one size of picture only, and joins no chain")
    scale, reach, alignment = 1, 0, 1
    for spec in (member.spec for member in members):
        reach += math.ceil(spec.halo / scale)
        alignment = math.lcm(alignment, spec.alignment // math.gcd(spec.alignment, scale))
        scale *= spec.scale
    spec = ModelSpec(
        name="+".join(member.spec.name for member in members),
        scale=scale,
        halo=round_up(reach, alignment),
        alignment=alignment,
        tiling=_worst(members),
        parameters=sum(member.spec.parameters for member in members),
    )
    return Chain(path=members[0].path, spec=spec, members=tuple(members))


def _worst(members: Sequence[Model]) -> Tiling:
    """Return how tiles of a chain come together: as those of the worst, and off by all together."""
    tilings = [member.spec.tiling for member in members]
    scale, needed = 1, [0]
    for member in members:
        needed.append(scale**2 * member.spec.tiling.bytes_per_pixel)
        scale *= member.spec.scale
    return Tiling(
        kind=max((tiling.kind for tiling in tilings), key=_FROM_BEST.index),
        deviation=round(sum(tiling.deviation for tiling in tilings), 2),
        jump=round(sum(tiling.jump for tiling in tilings), 3),
        bytes_per_pixel=max(needed),
    )
