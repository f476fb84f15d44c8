"""`auto`: the clean model or its restorer, as each picture needs it."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from upscaler.models.catalogue import CLEAN_MODEL, RESTORERS
from upscaler.models.model import Model
from upscaler.models.passes import in_passes
from upscaler.models.restoration import rules


@dataclass(frozen=True, kw_only=True)
class Auto(Model):
    """The two models; where one is needed, it is the clean one."""

    wanted_scale: float

    @property
    def title(self) -> str:
        """See `Model`."""
        return f"auto-x{self.spec.scale}"

    @property
    def clean(self) -> Model:
        """The one that restores nothing."""
        return in_passes(CLEAN_MODEL, self.wanted_scale)

    @property
    def restorer(self) -> Model:
        """The one that undoes damage."""
        return in_passes(RESTORERS[CLEAN_MODEL], self.wanted_scale)

    @property
    def largest_scale(self) -> int:
        """See `Model`."""
        return max(self.spec.scale, self.restorer.spec.scale)

    @cached_property
    def sha256(self) -> str:
        """Of all that decides what becomes of a picture, in hexadecimal."""
        facts = f"{self.clean.sha256} {self.restorer.sha256} {rules()}"
        return hashlib.sha256(facts.encode()).hexdigest()


def auto_model(scale: float) -> Auto:
    """Return `auto` for a scale.

    Raises:
        ModelError: there is no model for so large a scale.
    """
    clean = in_passes(CLEAN_MODEL, scale)
    return Auto(path=clean.path, spec=clean.spec, wanted_scale=scale)
