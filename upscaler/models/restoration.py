"""Whether `auto` undoes a picture's damage.

The limits were read off the table that `benchmarks/quality/strengths.py` makes. What lies between
the two models is hardly better than the better one, so it is one of them.
"""

from dataclasses import dataclass

from upscaler.quality.damage import Damage

_JPEG, _NOISE = 92, 2.8
"""Below what quality, and from what sigma of 255 on, the restorer is nearer to the original."""


@dataclass(frozen=True)
class Restoration:
    """What was decided for a picture."""

    strength: float
    """As for `--restore`: 0 or 1."""
    reason: str
    """What the picture shows, in words."""

    def __str__(self) -> str:
        """Say it in words."""
        return f"{'restored' if self.strength else 'not restored'}: {self.reason}"


def rules() -> str:
    """Return all that decides, as text: new rules make outputs anew."""
    return f"JPEG {_JPEG}, noise {_NOISE}, blur"


def restoration_for(damage: Damage) -> Restoration:
    """Decide whether some damage is to be undone."""
    jpeg = f"JPEG quality about {damage.jpeg_quality}"
    bad: list[str] = []
    if damage.jpeg_quality is not None and damage.jpeg_quality < _JPEG:
        bad.append(jpeg)
    if damage.noise >= _NOISE:
        bad.append(f"noise of about {damage.noise:.0f} of 255")
    if damage.blurred:
        bad.append("nothing in it is sharp")
    if bad:
        return Restoration(1.0, ", ".join(bad))
    return Restoration(0.0, "looks clean" if damage.jpeg_quality is None else jpeg)
