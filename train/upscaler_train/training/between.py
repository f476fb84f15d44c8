"""A checkpoint whose weights lie between those of a training and those that it started from.

    python -m upscaler_train.training.between runs/photo-x4/last.safetensors balanced-x4 0.9 \
        -o photo.safetensors

A network that was taught something new is often better on what it knew before, and no worse on the
new, a little way back (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from dataclasses import replace
from pathlib import Path

import click
import torch
from torch import Tensor

from upscaler.errors import UsageError
from upscaler.models import find_model
from upscaler.models.mix import is_inside_context
from upscaler.models.weights import network_of
from upscaler_train.training.checkpoint import load_checkpoint, save


def between(
    trained: dict[str, Tensor], start: dict[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Return `share` of the trained weights and the rest of the start's, by name.

    What the start lacks, a context, was zero where it is added, and is kept elsewhere.

    Raises:
        UsageError: they are not weights of one network.
    """
    mixed = {}
    for name, stored in trained.items():
        own = stored.float()  # kept weights may be float16
        first = start.get(name)
        if first is None and is_inside_context(f".{name}"):
            mixed[name] = own
            continue
        first = torch.zeros_like(own) if first is None else first
        if first.shape != own.shape:
            raise UsageError(f"{name} is {tuple(own.shape)} here and {tuple(first.shape)} there")
        mixed[name] = torch.lerp(first, own, share)
    return mixed


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("start")
@click.argument("share", type=click.FloatRange(0, 1))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True)
def main(checkpoint: Path, start: str, share: float, out: Path) -> None:
    """Write to OUT averaged weights SHARE of the way from START to CHECKPOINT, for `export`."""
    saved = load_checkpoint(checkpoint)
    weights = dict(network_of(find_model(start, saved.recipe.scale)).state_dict())
    mixed = between(saved.part("ema"), weights, share)
    save(replace(saved, tensors={f"ema.{name}": value for name, value in mixed.items()}), out)
    click.echo(f"{out}: {share:g} of the way from {start}")


if __name__ == "__main__":
    main()
