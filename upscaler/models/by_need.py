"""Packaged networks of one name, of which each picture goes through the least that does."""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

from upscaler.models.catalogue import AUTO, CLEAN_MODEL, RESTORERS, find_model
from upscaler.models.model import Model
from upscaler.models.packaged import packaged_models
from upscaler.models.restoration import rules


@dataclass(frozen=True, kw_only=True)
class ByNeed(Model):
    """Where a side in pixels is asked for, pictures need networks of different scales.

    `path` and `spec` are those of the smallest.
    """

    name: str
    most: float
    """How many times larger it shall make pictures at most."""

    @property
    def title(self) -> str:
        """See `Model`; without a scale, which follows from the picture."""
        return self.name if self.restore is None else f"{self.name} with {self.restore:g} restored"

    @property
    def largest_scale(self) -> int:
        """See `Model`."""
        return self.for_factor(self.most).largest_scale

    @cached_property
    def sha256(self) -> str:
        """Of all files that may take part, in hexadecimal."""
        names = {CLEAN_MODEL if self.name == AUTO else self.name}
        names |= {name for pair in RESTORERS.items() if names & set(pair) for name in pair}
        files = [model.sha256 for model in packaged_models() if model.spec.name in names]
        facts = f"{self.title} {rules()} {' '.join(files)}"
        return hashlib.sha256(facts.encode()).hexdigest()

    def for_factor(self, factor: float) -> Model:
        """See `Model`."""
        return _least(self.name, math.ceil(max(1, min(factor, self.most))), self.restore)


def by_need(name: str, most: float, restore: float | None) -> ByNeed:
    """Return the networks of a name; the arguments are those of `find_model`.

    Args:
        most: how many times larger they shall make pictures at most.
    """
    if restore is not None:  # what is mixed does not go in two passes
        name = CLEAN_MODEL if name == AUTO else name
        most = min(most, max(m.spec.scale for m in packaged_models() if m.spec.name == name))
    least = _least(name, 1, restore)
    return ByNeed(path=least.path, spec=least.spec, name=name, most=most, restore=restore)


@lru_cache(maxsize=64)
def _least(name: str, scale: int, restore: float | None) -> Model:
    return find_model(name, scale, restore)
