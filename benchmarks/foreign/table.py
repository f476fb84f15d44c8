"""Convert a small network of each architecture that spandrel knows, and set out what came of it.

    python benchmarks/foreign/table.py

Writes docs/lab/architectures.md; takes half an hour. Needs the [pth] extra.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

HEAD = """\
# Architectures

Made by `python benchmarks/foreign/table.py`. A small network of each, with random weights, whose
output is added to a bicubic enlargement, goes the way of a file given to `-m`.

- *written*: by torch's older exporter (traced) or its newer one (read), for pictures of any size
  or of one.
- *differs*: at most, of 255, from torch, on ONNX Runtime and on OpenVINO, in three shapes.
- *tiles*: exact where that follows from the graph, measured where a trial found it, otherwise
  blended; then how far a pixel sees, and what a trial saw them differ from the whole, of 255.
"""


@dataclass(frozen=True)
class Row:
    """What became of one architecture."""

    name: str
    scale: int = 0
    step: str = ""
    difference: float = 0.0
    tiles: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"| {self.name} | | | | no: {self.reason} |"
        differs = f"{self.difference:.3f}"
        return f"| {self.name} | {self.scale} | {self.step} | {differs} | {self.tiles} |"


def row(name: str, folder: Path) -> Row:
    """Return what became of one architecture; called in a process of its own."""
    import torch

    sys.path.insert(0, str(HERE))
    import zoo

    from upscaler.errors import UpscalerError
    from upscaler.models import conversion, custom

    conversion.CONVERT[:] = [sys.executable, "-P", str(HERE / "onto_bicubic.py")]
    path = folder / f"{name}.pth"
    torch.save(zoo.weights(name), path)
    try:
        made = conversion.converted(path)
        spec = custom.inspect(made.path, name=name, alignment=made.facts.alignment)
    except UpscalerError as error:
        return Row(name, reason=str(error).removeprefix(str(path)).strip(" :"))
    tiling = spec.tiling
    tiles = f"{tiling.kind}, {spec.halo}, {tiling.deviation:.2f}"
    if tiling.size:
        tiles += f", of {tiling.size[1]}x{tiling.size[0]}"
    return Row(name, spec.scale, made.facts.step, 255 * made.facts.difference, tiles)


def rows(names: list[str], cache: Path) -> list[Row]:
    """Return what became of each."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            child = subprocess.run(
                [sys.executable, __file__, "--one", name, "--work", scratch],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "XDG_CACHE_HOME": str(cache)},
            )
            lines = child.stdout.splitlines()
            reason = (child.stderr.splitlines() or ["its process ended"])[-1]
            found.append(Row(**json.loads(lines[-1])) if lines else Row(name, reason=reason))
            click.echo(found[-1], err=True)
    return found


@click.command()
@click.option("--one", hidden=True)
@click.option("--work", hidden=True, type=click.Path(path_type=Path))
@click.option("--cache", type=click.Path(path_type=Path), help="Keep what is converted here.")
@click.option("--only", multiple=True, help="Print these rows, and write nothing.")
def main(one: str | None, work: Path, cache: Path | None, only: tuple[str, ...]) -> None:
    """Write docs/lab/architectures.md."""
    if one:
        click.echo(json.dumps(vars(row(one, work))))
        return
    sys.path.insert(0, str(HERE))
    import zoo

    with tempfile.TemporaryDirectory() as scratch:
        found = rows(list(only) or list(zoo.ZOO), cache or Path(scratch))
    if only:
        return
    right = sum(not item.reason for item in found)
    text = [HEAD, f"{right} of {len(found)} are right.", ""]
    text += ["| network | scale | written | differs | tiles |", "|---|--:|---|--:|---|"]
    text += map(str, found)
    (ROOT / "docs/lab/architectures.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
