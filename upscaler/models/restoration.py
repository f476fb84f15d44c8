"""How much of a picture's damage `auto` undoes.

The rules were read off the table that `benchmarks/quality/strengths.py` makes.
"""

from dataclasses import dataclass

from upscaler.quality.damage import Damage

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


def rules() -> str:
    """Return all that decides, as text: new rules make outputs anew."""
    return repr((_BY_JPEG, _BY_NOISE, _BY_BLUR))


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
