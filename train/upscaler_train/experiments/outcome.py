"""What one experiment came to: its figures, kept as JSON, and a picture of what it does."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import nn

from upscaler_train.checkpoint import Progress
from upscaler_train.evaluation import Score, as_image, score
from upscaler_train.loop import Trainer
from upscaler_train.networks import cost, parameters
from upscaler_train.pairs import Pair, Pixels, as_batch

_NAME = "outcome.json"
PANEL = "panel.webp"
_PANEL_QUALITY = 95


@dataclass(frozen=True)
class Outcome:
    """One row of the report's table."""

    name: str
    reported: str
    """By the seed report, in words."""
    test: Score
    """On the test pictures, in float32."""
    given: Score
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
            scores = {key: Score(**facts[key]) for key in ("test", "given")}
            return cls(**{**facts, **scores, "progress": Progress(**facts["progress"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None


def of_training(trainer: Trainer, test: list[Pair], command: str) -> Outcome:
    """Measure a finished training on pictures that it has never seen."""
    recipe, progress = trainer.recipe, trainer.clock.progress
    return Outcome(
        name=recipe.name,
        reported=recipe.reported,
        test=score(trainer.average, test, recipe.scale, trainer.fabric.device),
        given=score(nn.Identity(), test, recipe.scale, torch.device("cpu")),
        channels=test[0].low.shape[2],
        epochs=progress.step / trainer.epoch,
        progress=progress,
        parameters=parameters(recipe),
        macs_per_pixel=cost(recipe, test[0].low.shape[0]),
        precision="bfloat16" if recipe.run.bf16 else "float32",
        machine=trainer.machine,
        torch=torch.__version__,
        date=datetime.now(UTC).date().isoformat(),
        command=command,
    )


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
