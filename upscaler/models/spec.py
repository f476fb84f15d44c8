"""What a model is: the facts that travel inside its ONNX file; a runtime needs nothing else."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from upscaler.errors import ModelError

TOTAL = "total"
"""What graphs on pixels call the sums beside the pixels (see `PixelForm` in `network.py`)."""

METADATA_KEY = "upscaler.model_spec"
"""The key in the ONNX file's `metadata_props` that holds a ModelSpec as JSON."""

CHECKPOINT_KEY = "upscaler.trained"
"""The key in a checkpoint's safetensors metadata that holds a Trained as JSON; the averaged
weights beside it are called `ema.*`. That is all `export` knows of `train`."""


@dataclass(frozen=True)
class Architecture:
    """The sizes that define one member of the AE-U family (see `upscaler.models.network`)."""

    scale: int = 2
    """Output size / input size, per axis; 1 restores without enlarging."""
    widths: tuple[int, ...] = (32, 48)
    """Channels per level, the full input resolution first; each further level halves it."""
    encoder: int = 1
    """Conv3x3+ReLU layers of each level before it goes down."""
    decoder: int = 1
    """Conv3x3+ReLU layers of each level after it came back up."""
    blocks: int = 1
    """Residual blocks at the lowest resolution."""
    context: int = 0
    """Channels of a branch off the lowest resolution, at half of it, that sees farther; 0 for
    none."""
    context_blocks: int = 0
    """Residual blocks of that branch."""

    def __post_init__(self) -> None:
        if self.scale < 1 or not self.widths or min(self.widths) < 1:
            raise ModelError(f"no such network: {self}; scale and widths must be 1 or more")
        if min(self.encoder, self.decoder, self.blocks, self.context, self.context_blocks) < 0:
            raise ModelError(f"no such network: {self}; layer counts must be 0 or more")
        if self.context and not self.blocks:
            raise ModelError(f"no such network: {self}; a context needs a block that it joins")


@dataclass(frozen=True)
class Training:
    """How the weights were made."""

    data: str = ""
    """What the network saw, in words."""
    steps: int = 0
    hours: float = 0.0
    """Wall time of training, this model's own part (without the one it started from)."""
    machine: str = ""
    start: str = ""
    """The model whose trunk it started from; empty if from scratch."""
    arithmetic: str = ""
    """What its convolutions were computed in, in words; empty if not known."""


@dataclass(frozen=True)
class Trained:
    """What a checkpoint says of the network in it."""

    name: str
    architecture: Architecture
    training: Training

    def to_json(self) -> str:
        """Return the text stored under `CHECKPOINT_KEY`."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; raises ModelError if the text is something else."""
        return cls(**_parse(text))


EXACT, MEASURED, FEATHERED = "exact", "measured", "feathered"
"""How a model's tiles come together: proved from its graph, so that any tiling gives the whole
picture; cut off a halo away from their edges, beyond which a trial saw no more than half a step
of 255; or blended into each other, since what it makes of a tile depends on more than its
surroundings."""


SINGLE, GREY, FREED = "single", "grey", "freed"
"""What is done to a file from outside before a runtime takes it: float16 becomes float32; one
channel becomes three; one that says a size, but whose nodes take any, is let take any."""


@dataclass(frozen=True)
class Tiling:
    """What tiles of a model's pictures are like."""

    kind: str = EXACT
    deviation: float = 0.0
    """The largest difference from the whole picture that a trial saw, of 255; 0 for exact ones."""
    jump: float = 0.0
    """What was left of it from one pixel to the next across the cuts, of 255."""
    size: tuple[int, int] | None = None
    """Height and width in pixels of what the network takes, where that is fixed."""
    bytes_per_pixel: int = 0
    """Memory that the network needs for each pixel of a tile, about; 0 if not known."""


@dataclass(frozen=True)
class ModelSpec:
    """Everything a runtime, the tiler or a person needs to know about a model."""

    name: str
    scale: int
    """Output size / input size, per axis."""
    halo: int
    """Input pixels around a tile that can change its output (the receptive radius, rounded
    up to `alignment`)."""
    alignment: int
    """Input width and height must be multiples of this; also the grid on which tiles start."""
    architecture: Architecture | None = None
    """None for a network that is not of the family."""
    weights_sha256: str = ""
    probe: str = ""
    """What the network makes of the probe image (see `upscaler.models.probe`)."""
    tiling: Tiling = field(default_factory=Tiling)
    form: tuple[str, ...] = ()
    """What has to be done to the file before a runtime takes it."""
    channels: int = 3
    parameters: int = 0
    """Trained weights; 0 if not known."""
    macs_per_pixel: float = 0.0
    """Multiplications per output pixel; 0 if not known."""
    training: Training = field(default_factory=Training)
    quality: dict[str, float] = field(default_factory=dict)
    """Mean PSNR-Y in dB in fp32, by test set."""
    precision_loss: dict[str, float] = field(default_factory=lambda: {"fp32": 0.0})
    """Measured loss of mean PSNR-Y in dB against fp32, by precision."""
    precision: str = "fp32"
    """What this file is written in: `fp16` and `int8` files lie beside the fp32 one."""
    proof: dict[str, float] = field(default_factory=dict)
    """How far a reduced file was from torch when it was exported."""
    seconds_per_megapixel: float = 0.0
    """Of output, on one CPU core in fp32, in the trial; 0 if not known."""
    licence: str = ""
    """Of the weights, as the person who added the model states it; empty if nobody did."""

    @property
    def title(self) -> str:
        """The name a file of this model carries: `fast-x4`."""
        return f"{self.name}-x{self.scale}"

    def to_json(self) -> str:
        """Return the text stored under `METADATA_KEY`."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ModelError: the text is not a ModelSpec, or an impossible one.
        """
        facts = _parse(text)
        try:
            spec = cls(**facts)
            possible = min(spec.scale, spec.alignment) >= 1 and spec.halo >= 0
        except (ValueError, TypeError, KeyError) as error:
            raise _unreadable(error) from None
        if not possible or spec.channels != 3:
            raise ModelError(
                f"the model's description is impossible (scale {spec.scale}, halo {spec.halo}, "
                f"alignment {spec.alignment}, channels {spec.channels}); export it again"
            )
        return spec


def _parse(text: str) -> dict[str, Any]:
    """Read JSON whose `architecture` and `training` are the dataclasses above."""
    try:
        facts: dict[str, Any] = json.loads(text)
        if (sizes := facts["architecture"]) is not None:
            facts["architecture"] = Architecture(**{**sizes, "widths": tuple(sizes["widths"])})
        facts["training"] = Training(**facts["training"])
        if "form" in facts:
            facts["form"] = tuple(facts["form"])
        if tiling := facts.get("tiling"):
            size = tiling.get("size")
            facts["tiling"] = Tiling(**{**tiling, "size": tuple(size) if size else None})
    except (ValueError, TypeError, KeyError) as error:
        raise _unreadable(error) from None
    return facts


def _unreadable(error: Exception) -> ModelError:
    return ModelError(
        f"the model's description is unreadable ({type(error).__name__}: {error}); export it again"
    )
