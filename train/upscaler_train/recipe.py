"""Recipes: everything that decides how a model is trained, as TOML.

A key that nobody knows is an error that names the nearest one, so that a typo never trains
the wrong thing for hours. A recipe may say `extends = "OTHER.toml"`, a file beside it whose
tables it changes key by key.
"""

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from upscaler.errors import UsageError
from upscaler.spec import Architecture
from upscaler_train.seed import SeedArchitecture

_RANGES: dict[str, tuple[float, float | None]] = {
    "data.patch": (0, None),
    "data.batch": (1, None),
    "degradation.variants": (0, None),
    "degradation.clean": (0, 1),
    "degradation.blur": (0, None),
    "degradation.noise": (0, None),
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
    "optimisation.beta1": (0, 0.9999),
    "optimisation.beta2": (0, 0.9999),
    "optimisation.weight_decay": (0, None),
    "optimisation.clip": (0, None),
    "optimisation.ema": (0, 0.99999),
    "optimisation.collapse": (0, None),
    "run.seed": (0, None),
    "run.threads": (0, None),
    "run.check_minutes": (0, None),
    "run.check_epochs": (0, None),
}
"""The least and the largest value of each number."""

TWINS = ("smaller", "same-size")
OPTIMISERS = ("adamw", "adam")
SMALLEST_FOR_MS_SSIM = 40
"""Pixels; see `losses.reconstruction`."""
DECAYS = ("cosine", "constant")


@dataclass(frozen=True)
class Data:
    """Which pictures, and how they are cut."""

    train: str = "data/train"
    """Folder of high-resolution images (PNG, JPEG, WebP), searched recursively."""
    val: str = "data/val"
    """Folder of images that watch the training; never trained on."""
    description: str = ""
    """What the training folder holds, in words, for the model's card."""
    twin: str = "smaller"
    """The low-resolution side of a pair: `smaller` by the network's scale, or of the `same-size`
    as the picture but with half its detail, as the seed report has it (see `pairs.make_pair`)."""
    grey: bool = False
    """One channel, the luma, in and out."""
    patch: int = 48
    """Side of a low-resolution training patch in pixels; smaller images are left out.
    0 takes whole pictures, each once an epoch."""
    batch: int = 16
    """Of all processes together."""

    def __post_init__(self) -> None:
        _one_of("data.twin", self.twin, TWINS)


@dataclass(frozen=True)
class Degradation:
    """What the small pictures go through before the network sees them (see `degrade`)."""

    variants: int = 0
    """How many twins each picture gets; 0 for one, the clean one."""
    clean: float = 0.25
    """Share of the variants that stay clean."""
    blur: float = 0.5
    """Largest sigma of the blur, in pixels of the small picture."""
    noise: float = 6.0
    """Largest sigma of the noise, of 255."""
    least_quality: int = 30
    most_quality: int = 95
    """Of JPEG."""
    twice: float = 0.3
    """Share that is compressed a second time."""


@dataclass(frozen=True)
class Schedule:
    """How long, and how fast. What is used up first of steps, epochs and minutes ends it."""

    steps: int = 0
    epochs: int = 0
    """Times as many pictures as there are."""
    minutes: float = 0.0
    """Wall-clock budget; the learning rate still ends at zero exactly."""
    decay: str = "cosine"
    """`cosine` from the peak to zero over the whole budget, or `constant`."""
    warmup: int = 500
    """Steps of linear warm-up before the cosine."""
    learning_rate: float = 2e-3
    """The peak."""
    mse_from: float = 0.88
    """The share of the budget after which plain MSE takes over: PSNR is MSE."""

    def __post_init__(self) -> None:
        _one_of("schedule.decay", self.decay, DECAYS)


@dataclass(frozen=True)
class Optimisation:
    """Adam, and what keeps it steady."""

    optimiser: str = "adamw"
    """`adamw`, or `adam`, whose weight decay is an L2 penalty."""
    fft: float = 0.05
    """Weight of the L1 distance between spectra beside the L1 between pixels."""
    ms_ssim: float = 0.0
    """Weight of 1 - MS-SSIM beside them, until plain MSE takes over."""
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    clip: float = 1.0
    """Largest norm of the gradient; 0 leaves it as it is."""
    ema: float = 0.999
    """Decay of the averaged weights, which are the ones that ship; 0 averages nothing."""
    collapse: int = 0
    """Train each convolution with a linear detour over so many channels, which collapses in the
    averaged weights (see `collapse`); 0 does without."""

    def __post_init__(self) -> None:
        _one_of("optimisation.optimiser", self.optimiser, OPTIMISERS)
        if self.collapse and not self.ema:
            raise UsageError("optimisation.collapse needs averaged weights; give .ema")


@dataclass(frozen=True)
class Run:
    """What does not change the model: the machine and the log."""

    seed: int = 0
    threads: int = 0
    """CPU threads of each process; 0 lets torch decide."""
    bf16: bool = True
    """bfloat16 autocast for the convolutions; the weights stay float32."""
    compile: bool = False
    """torch.compile: worth its minutes on a GPU, not on a CPU."""
    check_minutes: float = 3.0
    """Minutes between checkpoints, each with a look at the validation images."""
    check_epochs: int = 0
    """Look at the validation images after so many epochs instead."""


@dataclass(frozen=True)
class Recipe:
    """One model's training, whole."""

    name: str
    """The model's name without its scale: `fast`."""
    start: str = ""
    """A checkpoint whose trunk the training starts from; parts of other shapes are left out."""
    reported: str = ""
    """What the seed report says this network reached, in words."""
    network: Architecture | SeedArchitecture = field(default_factory=Architecture)
    """The product's own family; with `family = "seed"`, one of the seed report's."""
    data: Data = field(default_factory=Data)
    degradation: Degradation = field(default_factory=Degradation)
    schedule: Schedule = field(default_factory=Schedule)
    optimisation: Optimisation = field(default_factory=Optimisation)
    run: Run = field(default_factory=Run)

    def __post_init__(self) -> None:
        schedule = self.schedule
        if not (schedule.steps or schedule.epochs or schedule.minutes):
            raise UsageError(
                f"recipe {self.name} has no end: give schedule.steps, .epochs or .minutes"
            )
        if self.degradation.least_quality > self.degradation.most_quality:
            raise UsageError(f"recipe {self.name}: degradation.least_quality is above the most")
        if self.degradation.variants and not self.data.patch:
            raise UsageError(f"recipe {self.name}: whole pictures (data.patch = 0) have one twin")
        patch = self.data.patch * self.scale
        if self.optimisation.ms_ssim and self.data.patch and patch <= SMALLEST_FOR_MS_SSIM:
            raise UsageError(
                f"recipe {self.name}: patches of {patch} pixels are too small for MS-SSIM; "
                f"make data.patch larger"
            )
        if self.data.twin == "same-size" and getattr(self.network, "size", 0) % 2:
            raise UsageError(
                f"recipe {self.name}: twins of the same size need an even network.size"
            )
        if self.data.twin == "same-size" and self.scale != 1:
            raise UsageError(
                f"recipe {self.name}: twins of the same size are for networks of scale 1, "
                f"this one enlarges by {self.scale}"
            )
        if self.degradation.variants and (self.data.twin != "smaller" or self.data.grey):
            raise UsageError(f"recipe {self.name}: only smaller twins in colour can be degraded")
        if self.data.grey and isinstance(self.network, Architecture):
            raise UsageError(f"recipe {self.name}: data.grey is for the seed's networks only")

    @property
    def scale(self) -> int:
        """Output size / input size, per axis."""
        return self.network.scale


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{key} in the recipe must be one of {', '.join(allowed)}, not {value!r}")


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


def find(name: str) -> Path:
    """Return the path of a recipe given as a file or by the name of one of the project's.

    Raises:
        UsageError: there is no such recipe.
    """
    if Path(name).is_file():
        return Path(name)
    if name not in known():
        raise UsageError(f"no recipe {name}; give a TOML file or one of: {', '.join(known())}")
    return known()[name]


def differences(one: Recipe, other: Recipe) -> list[str]:
    """Return the dotted keys whose values differ, such as `schedule.learning_rate`."""
    first, second = _flat(dataclasses.asdict(one)), _flat(dataclasses.asdict(other))
    return [key for key in first | second if first.get(key) != second.get(key)]


def _flat(table: dict[str, Any], where: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        inner = _flat(value, f"{where}{key}.") if isinstance(value, dict) else {where + key: value}
        flat |= inner
    return flat


def load(path: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe, then apply `key=value` overrides (`schedule.steps=100`; TOML values).

    Raises:
        UsageError: an unreadable file, an unknown key or a value of the wrong type.
    """
    table = _read(path)
    for override in overrides:
        _override(table, override)
    return from_table(table)


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
        tables = isinstance(inner, dict) and isinstance(value, dict)
        merged[key] = {**inner, **value} if inner and tables else value
    return merged


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
