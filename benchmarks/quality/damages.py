"""What pictures go through before they are judged, and the pictures themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from upscaler.images import images_in, open_picture
from upscaler.quality.degradation import Degradation, Pixels
from upscaler.quality.metrics import bicubic, modcrop

CLEAN = "clean"

DAMAGES = (
    CLEAN,
    "jpeg:75",
    "jpeg:85",
    "noise:8,jpeg:85",
    "noise:15,jpeg:85",
    "noise:25,jpeg:85",
    "blur:1.2,noise:15,jpeg:50",
)
"""What people bring, as `upscaler eval --degrade` writes it."""

FINER = (
    *("jpeg:98", "jpeg:95", "jpeg:92", "jpeg:90", "jpeg:80", "jpeg:65", "jpeg:50", "jpeg:30"),
    *("noise:1", "noise:2", "noise:3", "noise:4", "noise:6", "noise:10", "noise:20"),
    *("blur:0.6", "blur:0.9", "blur:1.2", "webp:90", "webp:75"),
)
"""More of each kind, to see where a rule has to change."""


@dataclass(frozen=True)
class Trial:
    """A picture, and what became of its small copy."""

    name: str
    low: Pixels
    truth: Pixels


def trials(paths: list[Path], damage: str, scale: int) -> Iterator[Trial]:
    """Shrink pictures and damage the small ones, the noise of each by a seed of its own."""
    for seed, path in enumerate(paths):
        truth = modcrop(open_picture(path).rgb, scale)
        low = bicubic(truth, 1 / scale)
        if damage != CLEAN:
            low = Degradation.parse(damage, seed)(low)
        yield Trial(path.stem, low, truth)


def some(folder: Path, number: int | None = None) -> list[Path]:
    """Return the images of a folder, or so many of them, spread over it."""
    paths = images_in(folder)
    count = min(number or len(paths), len(paths))
    return [paths[index * len(paths) // count] for index in range(count)]


def in_words(damage: str) -> str:
    """`noise:15,jpeg:85` -> `noise 15, JPEG 85`."""
    return (
        damage.replace("jpeg", "JPEG").replace("webp", "WebP").replace(":", " ").replace(",", ", ")
    )
