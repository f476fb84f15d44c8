"""`upscaler experiments`."""

import shlex
import sys
from functools import partial
from pathlib import Path

import click

from upscaler.errors import StartError

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(short_help="Repeat the experiments of the first report (in a clone only).")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--data", type=_FOLDER, required=True, help="Folder with 256x256 pictures in train, val, test."
)
@click.option("-o", "--out", type=_FOLDER, required=True, help="Folder of the report.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs of each  [as its recipe says]")
@click.option(
    "--budget", type=click.FloatRange(min=0, min_open=True), help="Minutes for each at most."
)
@click.option("--show", type=_FOLDER, help="Pictures to show in the report  [the first of test]")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one key of each recipe."
)
def experiments(
    names: tuple[str, ...],
    data: Path,
    out: Path,
    epochs: int | None,
    budget: float | None,
    show: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Train the report's autoencoders, and write the table, the curves and the pictures.

    What is trained already stays; what was interrupted goes on; more --epochs or a larger
    --budget train on from where it stopped. Without a NAME: all of them.

    \b
    upscaler experiments 2-layer 3-layer --data seed-256 -o report/
    upscaler experiments --data seed-256 -o report/ --budget 10
    """
    from upscaler_train.experiments.catalogue import choose, overrides_for

    chosen = choose(names)
    changes = overrides_for(data, epochs, budget)
    recipes = [experiment.recipe((*changes, *overrides)) for experiment in chosen]

    # torch takes seconds to import: what is misspelt has been said by now
    from upscaler.images import set_for_process
    from upscaler_train.display.progress import TrainingDisplay
    from upscaler_train.experiments.report import write
    from upscaler_train.experiments.session import Session

    set_for_process()
    command = shlex.join(["upscaler", *sys.argv[1:]])
    session = Session(data, out, show=show, command=command)
    page = None
    for done in session.run(recipes, partial(TrainingDisplay, again="the same command")):
        page = write(out)
        click.echo(
            f"{done.name}: test MSE {done.test.mse:.5f}, PSNR-Y {done.test.psnr_y:.2f} dB "
            f"after {done.epochs:.3g} epochs"
        )
    if page:
        click.echo(page)
    if session.diverged:
        raise StartError("; ".join(session.diverged))
