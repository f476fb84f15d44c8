"""Which experiments there are, in the order in which the report lists them."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from upscaler.errors import UsageError
from upscaler_train.recipe import Recipe
from upscaler_train.recipe_file import known, load_recipe

SYSTEMS = (
    "2-layer",
    "3-layer",
    "4-layer",
    "4-layer-pool",
    "kernel-6",
    "kernel-6-stride-4",
    "tanh",
    "ae-u",
)
"""The seed report's networks, and this project's own on the same task."""

SWEEP_BASE = "3-layer-conv"
_BASES = (SWEEP_BASE, "grey")
"""What the sweeps start from, and the one that changes more than one key."""

_FOLDER = "experiments"
_SWEEPS = "_sweeps.toml"


@dataclass(frozen=True)
class Experiment:
    """One recipe with the keys that a sweep changes in it."""

    name: str
    path: Path
    sweep: str = ""
    """The sweep that it belongs to, if any."""
    changes: tuple[str, ...] = ()

    def recipe(self, overrides: tuple[str, ...] = ()) -> Recipe:
        """Read it; raises UsageError if the overrides do not fit."""
        return load_recipe(self.path, (*self.changes, f"name={json.dumps(self.name)}", *overrides))


def catalogue() -> dict[str, Experiment]:
    """Return every experiment by its name."""
    recipes = known()
    single = [Experiment(name, recipes[f"{_FOLDER}/{name}"]) for name in (*SYSTEMS, *_BASES)]
    sweeps = _sweeps(single[0].path.parent)
    return {experiment.name: experiment for experiment in (*single, *sweeps)}


def choose(names: tuple[str, ...]) -> list[Experiment]:
    """Return the experiments of these names; all of them for none.

    Raises:
        UsageError: a name that is not known.
    """
    there = catalogue()
    for name in names:
        if name not in there:
            raise UsageError(f"no experiment {name}; there are: {', '.join(there)}")
    return [there[name] for name in names or there]


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
    changes = [
        f"data.{part}={json.dumps(str(data / part), ensure_ascii=False)}"
        for part in ("train", "val")
    ]
    if epochs is not None:
        changes.append(f"schedule.epochs={epochs}")
    if budget is not None:
        changes.append(f"schedule.minutes={budget}")
    return tuple(changes)


def _sweeps(folder: Path) -> list[Experiment]:
    sweeps = tomllib.loads((folder / _SWEEPS).read_text(encoding="utf-8"))
    return [
        Experiment(
            name=f"{sweep}-{_label(value)}",
            path=folder / facts["base"],
            sweep=sweep,
            changes=(f"{facts['key']}={json.dumps(value)}",),
        )
        for sweep, facts in sweeps.items()
        for value in facts["values"]
    ]


def _label(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)
