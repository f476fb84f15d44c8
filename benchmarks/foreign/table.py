"""Convert a small network of each architecture that spandrel knows, and set out what came of it.

    python benchmarks/foreign/table.py

Writes docs/lab/architectures.md; takes a quarter of an hour. Needs the [pth] extra. Give it a cache
folder of its own by XDG_CACHE_HOME: its networks are not quite those of their weights.
"""

import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

import click
import torch
import zoo

from upscaler.errors import UpscalerError
from upscaler.models import conversion, custom

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

_WORDS = 160
"""Letters of a reason."""

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
            return f"| {self.name} | | | | no: {shorten(self.reason, _WORDS, placeholder=' ...')} |"
        differs = f"{self.difference:.3f}"
        return f"| {self.name} | {self.scale} | {self.step} | {differs} | {self.tiles} |"


def row(name: str, folder: Path) -> Row:
    """Return what became of one architecture."""
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


@click.command()
@click.option("--only", multiple=True, help="Print these rows, and write nothing.")
def main(only: tuple[str, ...]) -> None:
    """Write docs/lab/architectures.md; what was converted stays in the cache folder."""
    conversion.CONVERT[:] = [sys.executable, "-P", str(HERE / "onto_bicubic.py")]
    logging.disable(logging.WARNING)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in only or zoo.ZOO:
            rows.append(row(name, Path(scratch)))
            click.echo(rows[-1], err=True)
    if only:
        return
    right = sum(not item.reason for item in rows)
    text = [HEAD, f"{right} of {len(rows)} are right.", ""]
    text += ["| network | scale | written | differs | tiles |", "|---|--:|---|--:|---|"]
    text += map(str, rows)
    (ROOT / "docs/lab/architectures.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
