"""What one experiment came to: its figures, kept as JSON, and a picture of what it does."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from upscaler_train.data.pairs import Pair, Pixels, as_batch
from upscaler_train.networks.build import cost, parameters
from upscaler_train.networks.seed import SeedAutoEncoder
from upscaler_train.training.checkpoint import Progress
from upscaler_train.training.evaluation import Similarity, as_image, score
from upscaler_train.training.trainer import Trainer

_NAME = "outcome.json"
PANEL = "panel.webp"
_PANEL_QUALITY = 95


@dataclass(frozen=True)
class TrainedSystem:
    """One row of the report's table."""

    name: str
    reported: str
    """By the seed report, in words."""
    test: Similarity
    """On the test pictures, in float32."""
    strange: Similarity | None
    """The same when each picture gets the bottleneck's vector of the one before it: what a worse
    score would show is how much of the picture the vector carries. None without a bottleneck."""
    given: Similarity
    """What returning the input scores on them."""
    channels: int
    """3, or 1 for grey: another task, with other scores."""
    epochs: float
    progress: Progress
    parameters: int
    macs_per_pixel: float
    precision: str
    """Of the training's convolutions."""
    machine: str
    torch: str
    date: str
    command: str
    """What was typed."""

    @property
    def seconds_per_epoch(self) -> float:
        """Wall time, with the look at the validation pictures and the checkpoints."""
        return self.progress.seconds / self.epochs

    def save(self, folder: Path) -> None:
        """Write it into an experiment's folder."""
        text = json.dumps(asdict(self), indent=1) + "\n"
        (folder / _NAME).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what `save` wrote; None if there is nothing, or half of it."""
        try:
            facts = json.loads((folder / _NAME).read_text(encoding="utf-8"))
            scores = {
                key: Similarity(**facts[key]) if facts[key] else None
                for key in ("test", "strange", "given")
            }
            return cls(**{**facts, **scores, "progress": Progress(**facts["progress"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None


def of_training(trainer: Trainer, test: list[Pair], command: str) -> TrainedSystem:
    """Measure a finished training on pictures that it has never seen."""
    recipe, progress = trainer.recipe, trainer.clock.progress
    return TrainedSystem(
        name=recipe.name,
        reported=recipe.reported,
        test=score(trainer.average, test, recipe.scale, trainer.fabric.device),
        strange=_with_strange_vectors(trainer, test),
        given=score(nn.Identity(), test, recipe.scale, torch.device("cpu")),
        channels=test[0].low.shape[2],
        epochs=progress.step / trainer.epoch,
        progress=progress,
        parameters=parameters(recipe),
        macs_per_pixel=cost(recipe, test[0].low.shape[0]),
        precision="bfloat16" if trainer.bf16 else "float32",
        machine=trainer.machine,
        torch=torch.__version__,
        date=datetime.now(UTC).date().isoformat(),
        command=command,
    )


def _with_strange_vectors(trainer: Trainer, test: list[Pair]) -> Similarity | None:
    network, recipe = trainer.average, trainer.recipe
    if not isinstance(network, SeedAutoEncoder) or not network.architecture.bottleneck:
        return None
    vectors: list[Tensor] = []
    taken = count(-1)  # the vector of the picture before; the first takes the last one's
    for hook in (
        lambda module, inputs, vector: vectors.append(vector.clone()),
        lambda module, inputs, vector: vectors[next(taken)],
    ):
        handle = network.squeeze.register_forward_hook(hook)
        measured = score(network, test, recipe.scale, trainer.fabric.device)
        handle.remove()
    return measured


@torch.inference_mode()
def save_panel(trainer: Trainer, pairs: list[Pair], folder: Path) -> None:
    """Draw input, output and original side by side, a row for each picture."""
    trainer.average.eval()
    rows = []
    for pair in pairs:
        output = as_image(trainer.average(as_batch([pair.low]).to(trainer.fabric.device)))
        rows.append(np.hstack([_coloured(image) for image in (pair.low, output, pair.high)]))
    Image.fromarray(np.vstack(rows)).save(folder / PANEL, quality=_PANEL_QUALITY)


def _coloured(image: Pixels) -> Pixels:
    return image if image.shape[2] == 3 else image.repeat(3, axis=2)
