"""Pictures with fine stripes, as cloth and blinds have them, of which photographs hold too few.

Shrunk, stripes near the limit of what a small picture can hold alias: they come out wider, and
run another way. A network that has seldom seen this continues the false ones, sharply.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from upscaler.errors import UsageError
from upscaler.quality.degradation import Pixels

Field = NDArray[np.float64]

SIDE = 256
"""Of a picture, in pixels."""


def striped(
    photographs: list[Pixels], number: int, random: np.random.Generator
) -> Iterator[Pixels]:
    """Yield parts of photographs, over about half of each of which bent stripes lie.

    Args:
        photographs: uint8 (H, W, 3); those smaller than `SIDE` are left out.
        number: how many pictures to make.

    Returns:
        uint8 (SIDE, SIDE, 3) each.

    Raises:
        UsageError: every photograph is smaller.
    """
    large = [picture for picture in photographs if min(picture.shape[:2]) >= SIDE]
    if not large:
        raise UsageError(f"data.stripes needs training pictures of {SIDE}x{SIDE} pixels or more")
    for _ in range(number):
        photograph = _crop(large[random.integers(len(large))], random).astype(np.float64)
        wave = _stripes(random)[..., None] * random.uniform(0.8, 1, 3)  # of nearly one colour
        cloth = 0.5 * photograph + random.uniform(40, 90) + random.uniform(15, 60) * wave
        where = np.clip(0.5 + _slow_wave(random), 0, 1)[..., None]
        mixed = where * cloth + (1 - where) * photograph
        yield np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)


def _crop(photograph: Pixels, random: np.random.Generator) -> Pixels:
    top, left = (random.integers(size - SIDE + 1) for size in photograph.shape[:2])
    return photograph[top : top + SIDE, left : left + SIDE]


def _stripes(random: np.random.Generator) -> Field:
    """Return bent stripes in [-1, 1], from sinusoidal to hard, about 2.5 to 10 pixels apart."""
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    frequency, angle = random.uniform(0.1, 0.4), random.uniform(0, np.pi)
    across = right * np.cos(angle) + down * np.sin(angle)
    bend = random.uniform(0, 12) * _slow_wave(random)
    hardness = random.uniform(0.3, 3)
    wave = np.tanh(hardness * np.sin(2 * np.pi * frequency * (across + bend)))
    return np.asarray(wave / np.tanh(hardness))


def _slow_wave(random: np.random.Generator) -> Field:
    """Return a sinusoid in [-1, 1] that has at most one period along each side."""
    down, right = np.mgrid[:SIDE, :SIDE] / SIDE
    along = right * random.uniform(-1, 1) + down * random.uniform(-1, 1)
    return np.asarray(np.sin(2 * np.pi * (along + random.random())))
