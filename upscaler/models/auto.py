"""`auto`: the clean model, its restorer or something between, as each picture needs it.

Which of them is decided by what `quality.damage` finds in the picture. The rules were read off the
table that `benchmarks/quality/strengths.py` makes.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from upscaler.models.mix import RESTORERS, mixed
from upscaler.models.model import Model
from upscaler.models.packaged import packaged_model
from upscaler.quality.damage import Damage

CLEAN = "balanced"

_BY_JPEG = {93: 0.75, 60: 1.0}
"""Below what quality of JPEG to restore how much."""

_BY_NOISE = {2.8: 0.75, 6.0: 1.0}
"""From what sigma of noise up to restore how much."""

_BY_BLUR = 1.0

_WORDS = {0.75: "mostly", 1.0: "fully"}


@dataclass(frozen=True)
class Restoration:
    """What was decided for a picture."""

    strength: float
    """As for `--restore`, 0 to 1."""
    reason: str
    """What the picture shows, in words."""

    def __str__(self) -> str:
        """Say it in words."""
        if self.strength == 0:
            return f"not restored: {self.reason}"
        return f"restored {_WORDS[self.strength]}: {self.reason}"


def restoration_for(damage: Damage) -> Restoration:
    """Decide how much of some damage to undo: what the worst of it asks for."""
    found: list[tuple[float, str]] = []
    if (quality := damage.jpeg_quality) is not None:
        by_jpeg = max((s for limit, s in _BY_JPEG.items() if quality < limit), default=0.0)
        found.append((by_jpeg, f"JPEG quality about {quality}"))
    if damage.noise:
        by_noise = max((s for limit, s in _BY_NOISE.items() if damage.noise >= limit), default=0.0)
        found.append((by_noise, f"noise of about {damage.noise:.0f} of 255"))
    if damage.blurred:
        found.append((_BY_BLUR, "nothing in it is sharp"))
    if not found:
        return Restoration(0.0, "looks clean")
    strength = max(each for each, _ in found)
    return Restoration(strength, ", ".join(words for each, words in found if each or not strength))


@dataclass(frozen=True, kw_only=True)
class Auto(Model):
    """The clean model, which knows the others; as a model by itself it is the clean one."""

    wanted_scale: float

    @property
    def title(self) -> str:
        """See `Model`."""
        return f"auto-x{self.spec.scale}"

    def at(self, strength: float) -> Model:
        """Return the model that restores so much.

        Raises:
            RuntimeUnavailable: see `mix.mixed`.
        """
        return mixed(self.clean, strength, self.wanted_scale)

    @property
    def clean(self) -> Model:
        """The one that restores nothing."""
        return packaged_model(CLEAN, self.wanted_scale)

    @property
    def largest_scale(self) -> int:
        """See `Model`."""
        return max(self.spec.scale, self._restorer.spec.scale)

    @property
    def _restorer(self) -> Model:
        return packaged_model(RESTORERS[CLEAN], self.wanted_scale)

    @cached_property
    def sha256(self) -> str:
        """Of all that decides what becomes of a picture, in hexadecimal."""
        rules = (_BY_JPEG, _BY_NOISE, _BY_BLUR)
        facts = f"{self.clean.sha256} {self._restorer.sha256} {rules}"
        return hashlib.sha256(facts.encode()).hexdigest()


def auto_model(scale: float) -> Auto:
    """Return `auto` for a scale.

    Raises:
        ModelError: there is no model for so large a scale.
    """
    clean = packaged_model(CLEAN, scale)
    return Auto(path=clean.path, spec=clean.spec, wanted_scale=scale)
