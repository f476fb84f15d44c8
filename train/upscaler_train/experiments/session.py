"""Trains the experiments that are not there yet, one after the other."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from upscaler.errors import UsageError
from upscaler_train.experiments.outcome import Outcome, of_training, save_panel
from upscaler_train.loop import LAST, Trainer, Watcher
from upscaler_train.networks import check_memory
from upscaler_train.pairs import Dataset, Pair, load_dataset, load_pairs
from upscaler_train.recipe import Recipe
from upscaler_train.sampling import sampler_for
from upscaler_train.schedule import Clock

LOG = "log.jsonl"
_PANEL_ROWS = 2

Display = Callable[[str, Path], AbstractContextManager[Watcher]]
"""Takes a title and the log's path."""


def overrides_for(data: Path, epochs: int | None, budget: float | None) -> tuple[str, ...]:
    """Return what the command line changes in every recipe.

    Raises:
        UsageError: the folder does not hold the three sets.
    """
    for part in ("train", "val", "test"):
        if not (data / part).is_dir():
            raise UsageError(
                f"there is no folder {data / part}; --data takes a folder with the "
                f"pictures in train, val and test"
            )
    changes = [f"data.{part}={json.dumps(str(data / part))}" for part in ("train", "val")]
    if epochs is not None:
        changes.append(f"schedule.epochs={epochs}")
    if budget is not None:
        changes.append(f"schedule.minutes={budget}")
    return tuple(changes)


class Session:
    """Runs experiments into one folder; each picture is read once for all of them.

    Args:
        data: holds `test`, as the recipes name `train` and `val`.
        show: pictures for the panels, of the network's size; by default the first of the test.
        command: what was typed, for the record.
    """

    def __init__(self, data: Path, out: Path, *, show: Path | None, command: str) -> None:
        self._test, self._show = data / "test", show
        self._out, self._command = out, command
        self._sets: dict[object, tuple[Dataset, list[Pair], list[Pair]]] = {}

    def run(self, recipes: list[Recipe], display: Display) -> Iterator[Outcome]:
        """Train what is not finished, and yield what each came to.

        Nothing starts before everything has been checked.

        Raises:
            UsageError, StartError: pictures that do not fit, or too little memory.
        """
        for recipe in recipes:
            check_memory(recipe)
            sampler_for(recipe, self._pictures(recipe)[0].train)
        for number, recipe in enumerate(recipes, start=1):
            title = f"{recipe.name} ({number} of {len(recipes)})"
            yield self._finished(recipe) or self._train(recipe, title, display)

    def folder(self, recipe: Recipe) -> Path:
        """Where an experiment keeps its checkpoint, log and outcome."""
        return runs(self._out) / recipe.name

    def _finished(self, recipe: Recipe) -> Outcome | None:
        done = Outcome.load(self.folder(recipe))
        if done is None:
            return None
        epoch = sampler_for(recipe, self._pictures(recipe)[0].train).epoch
        return done if Clock(recipe.schedule, done.progress, epoch).share == 1 else None

    def _train(self, recipe: Recipe, title: str, display: Display) -> Outcome:
        dataset, test, shown = self._pictures(recipe)
        folder = self.folder(recipe)
        trainer = Trainer(recipe, folder, resume=(folder / LAST).exists(), dataset=dataset)
        with display(title, folder / LOG) as watch:
            trainer.run(watch)
        save_panel(trainer, shown, folder)
        outcome = of_training(trainer, test, self._command)
        outcome.save(folder)
        return outcome

    def _pictures(self, recipe: Recipe) -> tuple[Dataset, list[Pair], list[Pair]]:
        """Return the training's, the test's and the panel's pictures."""
        size = getattr(recipe.network, "size", None)  # which the reading checks
        key = (recipe.data, recipe.scale, size)
        if key not in self._sets:
            test = load_pairs(self._test, recipe)
            shown = load_pairs(self._show, recipe) if self._show else test
            self._sets[key] = load_dataset(recipe), test, shown[:_PANEL_ROWS]
        return self._sets[key]


def runs(out: Path) -> Path:
    """Where the experiments keep what the report does not need: checkpoints and logs."""
    return out / "runs"
