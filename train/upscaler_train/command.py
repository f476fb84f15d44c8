"""`upscaler train`."""

import shlex
from pathlib import Path

import click


@click.command(short_help="Train a model by a recipe.")
@click.argument("recipe")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for checkpoints and log  [default: runs/RECIPE]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from the last checkpoint in the folder, as it was begun; --set changes that.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one line of the recipe, such as schedule.minutes=30. Repeatable.",
)
def train(recipe: str, out: Path | None, resume: bool, overrides: tuple[str, ...]) -> None:
    """Train the model that RECIPE describes: a TOML file, or the name of one in train/recipes/.

    \b
    upscaler train fast-x2 --set data.train=photos/ --set data.val=held-out/
    upscaler train my-recipe.toml --set start=fast-x2 --set schedule.minutes=30
    upscaler train my-recipe.toml --resume
    torchrun --nproc-per-node 2 -m upscaler train my-recipe.toml   on two cores or two GPUs
    """
    from upscaler_train.recipe import differences
    from upscaler_train.recipe_file import changed, find_recipe, load_recipe

    path = find_recipe(recipe)
    folder = out or Path("runs") / path.stem
    settings = load_recipe(path, overrides)

    # torch takes seconds to import: what is misspelt has been said by now
    from upscaler.images import set_for_process
    from upscaler_train.display.progress import TrainingDisplay
    from upscaler_train.training.checkpoint import is_exported, peek
    from upscaler_train.training.trainer import LAST, Trainer

    set_for_process()
    other: list[str] = []
    if resume:
        begun = changed(peek(folder / LAST).recipe, overrides)
        settings, other = begun, differences(settings, begun)
    trainer = Trainer(settings, folder, resume=resume)
    if not trainer.leads:  # one of several processes; another one tells
        trainer.run(lambda tick: None)
        return
    if other:
        click.echo(
            f"as it was begun, and not as {path} says now: {', '.join(other)}; --set changes them",
            err=True,
        )
    log = folder / "log.jsonl"
    with TrainingDisplay(path.stem, log, trainer.clock.step, trainer.conditions) as display:
        done = trainer.run(display)
    click.echo(f"{folder / LAST}: {done.step} steps in {done.seconds / 60:.1f} min")
    if is_exported(settings):
        click.echo(f"next: upscaler export {shlex.quote(str(folder / LAST))} -o models/")
