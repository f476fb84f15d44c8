"""Reading recipes: TOML files, and overrides from the command line.

A key that nobody knows is an error that names the nearest one, so that a typo never trains
the wrong thing for hours. A recipe may say `extends = "OTHER.toml"`, a file beside it whose
tables it changes key by key.
"""

import dataclasses
import difflib
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from upscaler.errors import UsageError
from upscaler.models.spec import Architecture
from upscaler_train.networks.seed_architecture import SeedArchitecture
from upscaler_train.recipe import Recipe

_RANGES: dict[str, tuple[float, float | None]] = {
    "data.patch": (0, None),
    "data.batch": (1, None),
    "data.stripes": (0, None),
    "data.flat": (0, None),
    "data.teacher_share": (0, 1),
    "degradation.light": (0, 1),
    "degradation.rough": (0, 1),
    "degradation.blur": (0, None),
    "degradation.anisotropic": (0, 1),
    "degradation.sinc": (0, 1),
    "degradation.smallest": (0.05, 4),
    "degradation.largest": (0.05, 4),
    "degradation.noise": (0, 255),
    "degradation.grey": (0, 1),
    "degradation.poisson": (0, 1),
    "degradation.webp": (0, 1),
    "degradation.least_quality": (1, 100),
    "degradation.most_quality": (1, 100),
    "degradation.twice": (0, 1),
    "schedule.steps": (0, None),
    "schedule.epochs": (0, None),
    "schedule.minutes": (0, None),
    "schedule.warmup": (0, None),
    "schedule.learning_rate": (0, None),
    "schedule.mse_from": (0, 1),
    "optimisation.fft": (0, None),
    "optimisation.ms_ssim": (0, None),
    "optimisation.contrast": (0, None),
    "optimisation.beta1": (0, 0.9999),
    "optimisation.beta2": (0, 0.9999),
    "optimisation.weight_decay": (0, None),
    "optimisation.clip": (0, None),
    "optimisation.ema": (0, 0.99999),
    "run.seed": (0, None),
    "run.processes": (0, None),
    "run.threads": (0, None),
    "run.check_minutes": (0, None),
    "run.check_epochs": (0, None),
}
"""The least and the largest value of each number."""

# the recipes lie beside this package in a checkout, and inside it once installed
_FOLDERS = (Path(__file__).parents[1] / "recipes", Path(__file__).parent / "recipes")


def known() -> dict[str, Path]:
    """Return the project's recipes by name: `fast-x2`, `experiments/3-layer`."""
    return {
        str(path.relative_to(folder).with_suffix("")): path
        for folder in _FOLDERS
        for path in sorted(folder.rglob("*.toml"))
        if not path.name.startswith("_")
    }


def find_recipe(name: str) -> Path:
    """Return the path of a recipe given as a file or by the name of one of the project's.

    Raises:
        UsageError: there is no such recipe.
    """
    if Path(name).is_file():
        return Path(name)
    if name not in known():
        raise UsageError(f"no recipe {name}; give a TOML file or one of: {', '.join(known())}")
    return known()[name]


def load_recipe(path: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe, then apply `key=value` overrides (`schedule.steps=100`; TOML values).

    Raises:
        UsageError: an unreadable file, an unknown key or a value of the wrong type.
    """
    return _overridden(_read(path), overrides)


def changed(recipe: Recipe, overrides: tuple[str, ...]) -> Recipe:
    """Apply overrides to a recipe that has been read; raises as `load_recipe` does."""
    return _overridden(dataclasses.asdict(recipe), overrides)


def _overridden(table: dict[str, Any], overrides: tuple[str, ...]) -> Recipe:
    changes: dict[str, Any] = {}
    for override in overrides:
        _override(changes, override)
    return from_table(_merged(table, changes))


def _read(path: Path, inside: tuple[Path, ...] = ()) -> dict[str, Any]:
    if path in inside:
        raise UsageError(f"the recipe {path} extends itself")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the recipe {path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"the recipe {path} is not TOML: {error}") from None
    base = table.pop("extends", None)
    return _merged(_read(path.parent / base, (*inside, path)), table) if base else table


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        inner = merged.get(key)
        if inner and isinstance(inner, dict) and isinstance(value, dict):
            kept = _without_description(inner, value) if key == "data" else inner
            merged[key] = {**kept, **value}
        else:
            merged[key] = value
    return merged


def _without_description(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Drop the words on the pictures where others are learnt from."""
    same = all(changes.get(key, data.get(key)) == data.get(key) for key in ("train", "pairs"))
    return data if same else {**data, "description": ""}


def from_table(table: dict[str, Any]) -> Recipe:
    """Build a recipe from nested dictionaries, as TOML and checkpoints hold it."""
    recipe = _build(Recipe, table, "")
    assert isinstance(recipe, Recipe)
    return recipe


def _override(table: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: write key=value, for example schedule.steps=1000")
    *parents, last = key.strip().split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise UsageError(f"--set {text}: {parent} is a value, not a table")
    try:
        table[last] = tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        table[last] = value  # a bare word: a path or a name


def _build(kind: type, table: dict[str, Any], where: str) -> Any:
    """Turn a table into the dataclass `kind`, checking every key and type."""
    types = get_type_hints(kind)
    for key in table:
        if key not in types:
            raise UsageError(f"unknown key {where}{key} in the recipe{_nearest(key, types)}")
    missing = [f.name for f in dataclasses.fields(kind) if _required(f) and f.name not in table]
    if missing:
        raise UsageError(f"the recipe lacks {where}{missing[0]}")
    values = {key: _value(types[key], value, where + key) for key, value in table.items()}
    for key, value in values.items():
        _check_range(where + key, value)
    return kind(**values)


def _check_range(key: str, value: Any) -> None:
    least, most = _RANGES.get(key, (None, None))
    if (least is not None and not value >= least) or (most is not None and not value <= most):
        bounds = f"from {least} to {most}" if most is not None else f"{least} or more"
        raise UsageError(f"{key} in the recipe is {value}; it must be {bounds}")


def _required(item: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return item.default is missing and item.default_factory is missing


def _nearest(key: str, known: dict[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"; did you mean {close[0]}?" if close else ""


def _value(kind: Any, value: Any, where: str) -> Any:
    if kind == Architecture | SeedArchitecture:
        of_seed = isinstance(value, dict) and value.get("family") == SeedArchitecture.family
        kind = SeedArchitecture if of_seed else Architecture
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise UsageError(f"{where} in the recipe must be a table [{where}], not {value!r}")
        return _build(kind, value, where + ".")
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(_value(get_args(kind)[0], item, where) for item in value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        wanted = getattr(kind, "__name__", str(kind))
        raise UsageError(f"{where} in the recipe must be {wanted}, not {value!r}")
    return value
