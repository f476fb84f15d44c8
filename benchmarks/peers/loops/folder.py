"""What the loops have in common: one picture after the other, read and written by Pillow.

Every loop is called `python LOOP.py IN OUT SCALE` in the environment of its package.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def arguments() -> tuple[Path, Path, int]:
    """Return the input folder, the output folder and the scale."""
    source, output, scale = sys.argv[1:]
    Path(output).mkdir(parents=True, exist_ok=True)
    return Path(source), Path(output), int(scale)


def each(source: Path, output: Path, enlarge: Callable[[Image.Image], Image.Image]) -> None:
    """Write what `enlarge` makes of every picture, as RGB, to OUT/NAME.png."""
    for path in sorted(source.iterdir()):
        with Image.open(path) as image:
            enlarge(image.convert("RGB")).save(output / f"{path.stem}.png")
