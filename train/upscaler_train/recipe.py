"""Recipes: everything that decides how a model is trained, as TOML.

A key that nobody knows is an error that names the nearest one, so that a typo never trains
the wrong thing for hours.
"""

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from upscaler.errors import UsageError
from upscaler.spec import Architecture


@dataclass(frozen=True)
class Data:
    """Which pictures, and how they are cut."""

    train: str = "data/train"
    """Folder of high-resolution images (PNG, JPEG, WebP), searched recursively."""
    val: str = "data/val"
    """Folder of images that watch the training; never trained on."""
    description: str = ""
    """What the training folder holds, in words, for the model's card."""
    patch: int = 48
    """Side of a low-resolution training patch in pixels; smaller images are left out."""
    batch: int = 16


@dataclass(frozen=True)
class Schedule:
    """How long, and how fast. Give `steps` or `minutes`, not both."""

    steps: int = 0
    minutes: float = 0.0
    """Wall-clock budget; the learning rate still ends at zero exactly."""
    warmup: int = 500
    """Steps of linear warm-up before the cosine."""
    learning_rate: float = 2e-3
    """The peak."""
    mse_from: float = 0.88
    """The share of the budget after which plain MSE takes over: PSNR is MSE."""


@dataclass(frozen=True)
class Optimisation:
    """AdamW and what keeps it steady."""

    fft: float = 0.05
    """Weight of the L1 distance between spectra beside the L1 between pixels."""
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.999
    """Decay of the averaged weights, which are the ones that ship."""


@dataclass(frozen=True)
class Run:
    """What does not change the model: the machine and the log."""

    seed: int = 0
    threads: int = 0
    """CPU threads; 0 lets torch decide."""
    bf16: bool = True
    """bfloat16 autocast for the convolutions; the weights stay float32."""
    check_minutes: float = 3.0
    """Minutes between checkpoints, each with a look at the validation images."""


@dataclass(frozen=True)
class Recipe:
    """One model's training, whole."""

    name: str
    """The model's name without its scale: `fast`."""
    start: str = ""
    """A checkpoint whose trunk the training starts from; parts of other shapes are left out."""
    network: Architecture = field(default_factory=Architecture)
    data: Data = field(default_factory=Data)
    schedule: Schedule = field(default_factory=Schedule)
    optimisation: Optimisation = field(default_factory=Optimisation)
    run: Run = field(default_factory=Run)

    def __post_init__(self) -> None:
        if bool(self.schedule.steps) == bool(self.schedule.minutes):
            raise UsageError(
                f"recipe {self.name}: schedule.steps is {self.schedule.steps} and "
                f"schedule.minutes is {self.schedule.minutes}; give exactly one of them"
            )


# the recipes lie beside this package in a checkout, and inside it once installed
_FOLDERS = (Path(__file__).parents[1] / "recipes", Path(__file__).parent / "recipes")


def find(name: str) -> Path:
    """Return the path of a recipe given as a file or by the name of one of the project's.

    Raises:
        UsageError: there is no such recipe.
    """
    if Path(name).is_file():
        return Path(name)
    known = {path.stem: path for folder in _FOLDERS for path in folder.glob("*.toml")}
    if name not in known:
        raise UsageError(
            f"no recipe {name}; give a TOML file or one of: {', '.join(sorted(known))}"
        )
    return known[name]


def load(path: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe, then apply `key=value` overrides (`schedule.steps=100`; TOML values).

    Raises:
        UsageError: an unreadable file, an unknown key or a value of the wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the recipe {path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"the recipe {path} is not TOML: {error}") from None
    for override in overrides:
        _override(table, override)
    return from_table(table)


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
    return kind(**values)


def _required(item: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return item.default is missing and item.default_factory is missing


def _nearest(key: str, known: dict[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"; did you mean {close[0]}?" if close else ""


def _value(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise UsageError(f"{where} in the recipe must be a table [{where}], not {value!r}")
        return _build(kind, value, where + ".")
    if kind == tuple[int, ...] and isinstance(value, list | tuple):
        return tuple(_value(int, item, where) for item in value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        wanted = getattr(kind, "__name__", str(kind))
        raise UsageError(f"{where} in the recipe must be {wanted}, not {value!r}")
    return value
