"""How true the time left is that `upscaler run` shows: predicted against true, for three folders.

    python benchmarks/time_left.py

Makes folders of pictures of mixed sizes from those in samples/, runs each, and prints what was
said at a tenth, two tenths and so on of the run beside the time that it then took. The machine has
to be idle, as a run that others slow down takes longer than anybody can know.
"""

import random
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import click
from PIL import Image

from upscaler.batch.folder import Listener
from upscaler.batch.plan.jobs import plan
from upscaler.batch.run.batch import Batch
from upscaler.batch.run.settings import Settings
from upscaler.batch.run.workload import Workload
from upscaler.upscaler import Upscaler

SAMPLES = Path(__file__).parents[1] / "samples"
TENTHS = [tenth / 10 for tenth in range(1, 10)]


class Watcher(Listener):
    """Notes several times a second what is said of the time left."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[float, float]] = []
        """Seconds since the work began, and the seconds left as they were said then."""

    def opened(self, upscaler: Upscaler, workload: Workload) -> None:
        """Begin."""
        self._began, self._workload = time.monotonic(), workload
        workload.look_ahead()

    def tick(self) -> None:
        """Note it."""
        if (left := self._workload.seconds_left()) is not None:
            self.said.append((time.monotonic() - self._began, left))


def folders(room: Path, size: float) -> dict[str, Path]:
    """Make the folders; `size` times as many pixels as usual are in each picture."""
    choose, side = random.Random(24), size**0.5
    mixed = [(choose.randrange(80, 900), choose.randrange(80, 700)) for _ in range(50)]
    wide = [(80, 60)] * 200 + [(640, 480)] * 20 + [(1600, 1200)] * 2
    one = [(260, 200)] * 120 + [(3400, 3060)]
    shapes = {"from 80 to 900 pixels": mixed, "small, large, larger": wide, "one 200 times": one}
    made = {}
    for name, wanted in shapes.items():
        made[name] = room / name
        made[name].mkdir()
        choose.shuffle(wanted)
        for number, (width, height) in enumerate(wanted):
            picture = patchwork(round(width * side), round(height * side), choose)
            picture.save(made[name] / f"{number:03}{choose.choice(['.jpg', '.png'])}", quality=90)
    return made


def patchwork(width: int, height: int, choose: random.Random) -> Image.Image:
    """Return a picture so large, laid out with pieces of the samples."""
    samples = [path for path in sorted(SAMPLES.iterdir()) if path.suffix != ".md"]
    pieces = [Image.open(path).convert("RGB").crop((0, 0, 200, 200)) for path in samples]
    picture = Image.new("RGB", (width, height))
    for top in range(0, height, 200):
        for left in range(0, width, 200):
            picture.paste(choose.choice(pieces), (left, top))
    return picture


def watched(source: Path, output: Path, settings: Settings) -> list[tuple[float, float, float]]:
    """Run a folder; return for each tenth when it was, what was said to be left, and what was."""
    watcher = Watcher()
    began = time.monotonic()
    Batch(plan(source, output, "keep"), settings, watcher).run()
    whole = time.monotonic() - (watcher._began if watcher.said else began)
    rows = []
    for tenth in TENTHS:
        before = (pair for pair in pairwise([*watcher.said, (whole, 0.0)]))
        at, left = next(first for first, second in before if second[0] >= tenth * whole)
        rows.append((at, left, whole - at))
    return rows


@click.command(help=__doc__)
@click.option("-m", "--model", default="auto", show_default=True)
@click.option("-s", "--scale", default=4.0, show_default=True)
@click.option("--size", default=1.0, show_default=True, help="Pixels of each picture, in times.")
def main(model: str, scale: float, size: float) -> None:
    worst = 0.0
    with tempfile.TemporaryDirectory() as room:
        for name, source in folders(Path(room), size).items():
            rows = watched(source, Path(room, f"{name}, large"), Settings(model=model, scale=scale))
            click.echo(f"\n{name}: {len(list(source.iterdir()))} pictures")
            click.echo("  at      said    true   off by")
            for at, left, true in rows:
                worst = max(worst, abs(left / true - 1))
                click.echo(f"{at:6.1f} s {left:6.1f} s {true:6.1f} s {left / true - 1:+7.0%}")
    click.echo(f"\nat most {worst:.0%} off")
    sys.exit(worst > 0.2)


if __name__ == "__main__":
    main()
