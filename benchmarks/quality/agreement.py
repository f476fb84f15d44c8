"""How near models are to a teacher: on pairs of `upscaler_train.data.teacher` that were held out.

    python benchmarks/quality/agreement.py runs/pairs-val photo models/vivid-x4.onnx

For each model: the mean PSNR of RGB to the teacher's pictures, and by how much neighbouring pixels
differ, beside the teacher's (1.00: as sharp).
"""

from pathlib import Path

import click
import numpy as np
from judge import FOLDER, gradient

from upscaler import Upscaler
from upscaler.images import open_reference
from upscaler.quality.metrics import psnr
from upscaler_train.data.teacher import SCALE


@click.command()
@click.argument("pairs", type=FOLDER)
@click.argument("models", nargs=-1, required=True)
def main(pairs: Path, models: tuple[str, ...]) -> None:
    """Compare MODELS with the pictures in PAIRS/high."""
    names = [path.name for path in sorted((pairs / "low").glob("*.png"))]
    for model in models:
        upscaler = Upscaler(model, scale=SCALE)
        scores, sharpness = [], []
        for name in names:
            low, high = (open_reference(pairs / side / name) for side in ("low", "high"))
            made = upscaler(low)
            scores.append(psnr(made, high))
            sharpness.append((gradient(made), gradient(high)))
        made_mean, high_mean = np.mean(sharpness, axis=0)
        click.echo(f"{model}: {np.mean(scores):.2f} dB, sharpness {made_mean / high_mean:.2f}")


if __name__ == "__main__":
    main()
