"""Recipes: everything that decides how a model is trained. `recipe_file` reads them."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upscaler.errors import UsageError
from upscaler.models.spec import Architecture
from upscaler_train.networks.seed_architecture import SeedArchitecture

LOWS = ("smaller", "same-size")
OPTIMISERS = ("adamw", "adam", "muon")
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
    """What the training folder holds, in words, for the model's card. It goes with the folder:
    whoever names another one gives another description, or none."""
    low: str = "smaller"
    """The low-resolution side of a pair: `smaller` by the network's scale, or of the `same-size`
    as the picture but with half its detail, as the seed report has it (see `pairs.make_pair`)."""
    grey: bool = False
    """One channel, the luma, in and out."""
    patch: int = 48
    """Side of a low-resolution training patch in pixels; smaller images are left out.
    0 takes whole pictures, each once an epoch."""
    batch: int = 16
    """Of all processes together."""
    stripes: int = 0
    """How many pictures with fine stripes are made from the training pictures and join them, of
    256x256 pixels each (see `stripes`)."""
    flat: int = 0
    """How many pictures of one colour, of 256x256 pixels, join the training pictures, so that what
    has no structure stays as it is."""
    teacher: str = ""
    """A model of the same scale, by its name or the path of its ONNX file, whose outputs are mixed
    into the high-resolution pictures (see `pairs.taught`)."""
    teacher_share: float = 0.5
    """How much of that mix is the teacher's."""
    pairs: str = ""
    """Folder of ready pairs that are learnt from instead of `train`: small pictures in `low/`, and
    under the same names in `high/` what is to be made of them, `scale` times as large or more (see
    `teacher`)."""
    val_pairs: str = ""
    """Folder of such pairs that watch the training instead of `val`."""

    def __post_init__(self) -> None:
        _one_of("data.low", self.low, LOWS)

    @property
    def in_words(self) -> str:
        """What is learnt from, for the model's card: the description, or else the folder's name."""
        return self.description or f"the folder {Path(self.pairs or self.train).name}"


@dataclass(frozen=True)
class DegradationSettings:
    """What the small patches go through before the network sees them, anew for each step (see
    `degrade`).
    """

    light: float = 0.0
    """Share that has noise and is compressed, and is as sharp as a clean one."""
    rough: float = 0.0
    """Share that goes through blur, another size, noise and compression in any order. What is
    neither light nor rough stays clean."""
    twice: float = 0.5
    """Share of the rough that goes through them twice."""
    blur: float = 0.75
    """Largest sigma of the blur, in pixels of the small picture; the least is a fifteenth."""
    anisotropic: float = 0.4
    """Share of the blurs that are stronger in one direction."""
    sinc: float = 0.1
    """Share of the blurs, and of the rough at the end, that are an ideal low-pass filter."""
    smallest: float = 0.3
    largest: float = 1.5
    """The sizes gone through, the large picture's being 1."""
    noise: float = 30.0
    """Largest sigma of the noise, of 255."""
    grey: float = 0.3
    """Share of the noise that is the same in each channel."""
    poisson: float = 0.1
    """Share of the noise that grows with the light."""
    least_quality: int = 30
    most_quality: int = 95
    """Of JPEG and WebP."""
    webp: float = 0.1
    """Share of the compressions that are WebP."""

    @property
    def acts(self) -> bool:
        """Whether anything is degraded."""
        return self.light + self.rough > 0


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
    """What moves the weights, and what keeps it steady."""

    optimiser: str = "adamw"
    """`adamw`; `adam`, whose weight decay is an L2 penalty; or `muon` (see `optimisers`)."""
    fft: float = 0.05
    """Weight of the L1 distance between spectra beside the L1 between pixels."""
    ms_ssim: float = 0.0
    """Weight of 1 - MS-SSIM beside them, until plain MSE takes over."""
    contrast: float = 0.0
    """Weight of the L1 distance between local contrasts beside them (see `losses`)."""
    colour: float = 0.0
    """Weight of the squared distance between the mean colours of the large and the small patch, all
    the time, so that no picture takes on a tint."""
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    clip: float = 1.0
    """Largest norm of the gradient; 0 leaves it as it is."""
    ema: float = 0.999
    """Decay of the averaged weights, which are the ones that ship; 0 averages nothing."""

    def __post_init__(self) -> None:
        _one_of("optimisation.optimiser", self.optimiser, OPTIMISERS)


@dataclass(frozen=True)
class Run:
    """What does not change the model: the machine and the log."""

    seed: int = 0
    processes: int = 1
    """That prepare degraded patches beside each training process; 0 lets itself do it."""
    threads: int = 0
    """CPU threads of each process; 0 lets torch decide."""
    bf16: bool = True
    """bfloat16 autocast for the convolutions, where the hardware computes it (see `devices`), and
    float32 elsewhere; the weights stay float32."""
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
    """The model whose trunk the training starts from: a packaged one, `balanced-x2`, or the path of
    an ONNX file or a checkpoint. Parts of other shapes are left out."""
    reported: str = ""
    """What the seed report says this network reached, in words."""
    network: Architecture | SeedArchitecture = field(default_factory=Architecture)
    """The product's own family; with `family = "seed"`, one of the seed report's."""
    data: Data = field(default_factory=Data)
    degradation: DegradationSettings = field(default_factory=DegradationSettings)
    schedule: Schedule = field(default_factory=Schedule)
    optimisation: Optimisation = field(default_factory=Optimisation)
    run: Run = field(default_factory=Run)

    def __post_init__(self) -> None:
        schedule = self.schedule
        if not (schedule.steps or schedule.epochs or schedule.minutes):
            raise UsageError(
                f"recipe {self.name} has no end: give schedule.steps, .epochs or .minutes"
            )
        self._check_degradation()
        patch = self.data.patch * self.scale
        if self.optimisation.ms_ssim and self.data.patch and patch <= SMALLEST_FOR_MS_SSIM:
            raise UsageError(
                f"recipe {self.name}: patches of {patch} pixels are too small for MS-SSIM; "
                f"make data.patch larger"
            )
        if self.data.low == "same-size" and getattr(self.network, "size", 0) % 2:
            raise UsageError(
                f"recipe {self.name}: pairs of the same size need an even network.size"
            )
        if self.data.low == "same-size" and self.scale != 1:
            raise UsageError(
                f"recipe {self.name}: pairs of the same size are for networks of scale 1, "
                f"this one enlarges by {self.scale}"
            )
        if self.data.teacher and (self.degradation.acts or not self._shrinks_in_colour):
            raise UsageError(
                f"recipe {self.name}: a teacher needs small pictures, clean and in colour"
            )
        if (self.data.stripes or self.data.flat) and not self._shrinks_in_colour:
            raise UsageError(
                f"recipe {self.name}: stripes and flat pictures need smaller pictures in colour"
            )
        if self.data.grey and isinstance(self.network, Architecture):
            raise UsageError(f"recipe {self.name}: data.grey is for the seed's networks only")

    def _check_degradation(self) -> None:
        settings = self.degradation
        if settings.least_quality > settings.most_quality:
            raise UsageError(f"recipe {self.name}: degradation.least_quality is above the most")
        if settings.smallest > settings.largest:
            raise UsageError(f"recipe {self.name}: degradation.smallest is above the largest")
        if settings.light + settings.rough > 1:
            raise UsageError(f"recipe {self.name}: degradation.light and .rough are more than all")
        if settings.acts and not self.data.patch:
            raise UsageError(f"recipe {self.name}: whole pictures (data.patch = 0) stay clean")
        if settings.acts and not self._shrinks_in_colour:
            raise UsageError(f"recipe {self.name}: only smaller pictures in colour can be degraded")
        if settings.acts and self.data.pairs:
            raise UsageError(f"recipe {self.name}: ready pairs (data.pairs) are degraded already")

    @property
    def scale(self) -> int:
        """Output size / input size, per axis."""
        return self.network.scale

    @property
    def _shrinks_in_colour(self) -> bool:
        return self.data.low == "smaller" and not self.data.grey


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{key} in the recipe must be one of {', '.join(allowed)}, not {value!r}")


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
