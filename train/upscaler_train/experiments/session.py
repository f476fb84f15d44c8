"""Trains the experiments that are not there yet, one after the other."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from upscaler.errors import OutputError, UsageError
from upscaler_train.data.pairs import Dataset, Pair, load_dataset, load_pairs
from upscaler_train.data.sampling import steps_per_epoch
from upscaler_train.experiments.trained_system import TrainedSystem, of_training, save_panel
from upscaler_train.networks.build import check_memory
from upscaler_train.recipe import Recipe, differences
from upscaler_train.training import checkpoint as checkpoints
from upscaler_train.training.schedule import Clock
from upscaler_train.training.trainer import LAST, Diverged, Trainer, Watcher

LOG = "log.jsonl"
_PANEL_ROWS = 2

_FREE = {
    *("reported", "data.description", "schedule.steps", "schedule.epochs", "schedule.minutes"),
    *("run.threads", "run.compile", "run.check_minutes", "run.check_epochs"),
}
"""Keys that may change between two runs into the same folder: they only train on."""

Display = Callable[[str, Path, int, str], AbstractContextManager[Watcher]]
"""Takes a title, the log's path and the step at which the training goes on."""


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
        self.diverged: list[str] = []
        """What is to be said of those whose training broke down."""

    def run(self, recipes: list[Recipe], display: Display) -> Iterator[TrainedSystem]:
        """Train what is not finished, and yield what each came to.

        Nothing starts before everything has been checked.

        Raises:
            UsageError: pictures that do not fit, or an experiment that was begun in another way.
            StartError: too little memory, a checkpoint that cannot be read, a folder that cannot
                be written.
        """
        for recipe in recipes:
            check_memory(recipe)
            self._check_pictures(recipe)
            self._check_begun(recipe)
        self._check_folder()
        for number, recipe in enumerate(recipes, start=1):
            title = f"{recipe.name} ({number} of {len(recipes)})"
            try:
                yield self._finished(recipe) or self._train(recipe, title, display)
            except Diverged as error:
                self.diverged.append(str(error))

    def folder(self, recipe: Recipe) -> Path:
        """Where an experiment keeps its checkpoint, log and outcome."""
        return runs(self._out) / recipe.name

    def _check_pictures(self, recipe: Recipe) -> None:
        dataset, _, shown = self._pictures(recipe)
        steps_per_epoch(recipe, dataset.train)
        if len({pair.high.shape for pair in shown}) > 1:
            raise UsageError("the pictures to show are not of one size; give others with --show")

    def _check_begun(self, recipe: Recipe) -> None:
        path = self.folder(recipe) / LAST
        if not path.exists():
            return
        begun = checkpoints.peek(path).recipe
        other = [key for key in differences(begun, recipe) if key not in _FREE]
        if other:
            raise UsageError(
                f"{path.parent} was trained with another {', '.join(other)}; give another --out"
            )

    def _check_folder(self) -> None:
        try:
            runs(self._out).mkdir(parents=True, exist_ok=True)
            for folder in (self._out, runs(self._out)):
                tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise OutputError(f"cannot write into {self._out}: {error.strerror}") from None

    def _finished(self, recipe: Recipe) -> TrainedSystem | None:
        done = TrainedSystem.load(self.folder(recipe))
        if done is None:
            return None
        epoch = steps_per_epoch(recipe, self._pictures(recipe)[0].train)
        return done if Clock(recipe.schedule, done.progress, epoch).share == 1 else None

    def _train(self, recipe: Recipe, title: str, display: Display) -> TrainedSystem:
        dataset, test, shown = self._pictures(recipe)
        folder = self.folder(recipe)
        trainer = Trainer(recipe, folder, resume=(folder / LAST).exists(), dataset=dataset)
        with display(title, folder / LOG, trainer.clock.step, trainer.conditions) as watch:
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
