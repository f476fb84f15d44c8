"""Several programs over the same pictures, in turns."""

import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from environment import Missing, call

from upscaler.images import picture_size

Command = Callable[[Path, Path], Sequence[object]]
"""From an input folder and an output folder to a command line."""


@dataclass
class Runner:
    """One program and what was measured of it."""

    name: str
    command: Command
    paths: list[Path] = field(default_factory=list)
    """The pictures that it gets: all, or as many as its share of the time is enough for."""
    seconds: list[float] = field(default_factory=list)

    def rate(self, number: int, scale: int) -> float:
        """Return the megapixels of output a second of one round."""
        return megapixels(self.paths) * scale**2 / self.seconds[number]

    def median_rate(self, scale: int) -> float:
        """Return the median over the rounds."""
        return statistics.median(self.rate(number, scale) for number in range(len(self.seconds)))


def run(command: Command, paths: Sequence[Path], scale: int, scratch: Path) -> tuple[float, Path]:
    """Send pictures through a program; return the seconds that it took, and the output folder.

    Raises:
        Missing: it failed, or did not do the work.
    """
    source, output = scratch / "in", scratch / "out"
    for folder in (source, output):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir(parents=True)
    for path in paths:
        shutil.copy(path, source)
    began = time.perf_counter()
    call(list(command(source, output)))
    seconds = time.perf_counter() - began
    for path in paths:
        width, height = picture_size(path)[:2]
        made = output / f"{path.stem}.png"
        if not made.exists() or picture_size(made)[:2] != (scale * width, scale * height):
            raise Missing(f"it did not make {made.name} of {scale * width}x{scale * height}")
    return seconds, output


def first_round(
    runners: list[Runner], paths: list[Path], scale: int, scratch: Path, trial: int
) -> tuple[dict[str, float], dict[str, str]]:
    """Return what all the pictures would take, for those that work; and why the others do not.

    Args:
        trial: how many of the pictures are tried.
    """
    expected: dict[str, float] = {}
    missing: dict[str, str] = {}
    few = evenly(paths, trial)
    for runner in runners:
        try:
            seconds, _ = run(runner.command, few, scale, scratch)
        except Missing as problem:
            missing[runner.name] = str(problem)
        else:
            expected[runner.name] = seconds * megapixels(paths) / megapixels(few)
    return expected, missing


def share(expected: dict[str, float], seconds: float) -> dict[str, float]:
    """Divide a time among programs: none gets more than it needs, what is left the others get."""
    parts: dict[str, float] = {}
    for name in sorted(expected, key=expected.__getitem__):
        parts[name] = min(expected[name], seconds / (len(expected) - len(parts)))
        seconds -= parts[name]
    return parts


def compete(runners: list[Runner], rounds: int, scale: int, scratch: Path) -> None:
    """Run them in turns, A B C C B A ..., so that a busy machine is busy for all."""
    for number in range(rounds):
        for runner in runners if number % 2 == 0 else reversed(runners):
            runner.seconds.append(run(runner.command, runner.paths, scale, scratch)[0])


def evenly(paths: list[Path], number: int) -> list[Path]:
    """Return so many of the pictures, spread over the list; all if there are no more."""
    number = min(number, len(paths))
    return [paths[index * len(paths) // number] for index in range(number)]


def megapixels(paths: Sequence[Path]) -> float:
    """Return the pixels of pictures, in millions."""
    sizes = (picture_size(path) for path in paths)
    return sum(size.pixels for size in sizes) / 1e6
