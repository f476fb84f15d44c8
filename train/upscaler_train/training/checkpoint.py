"""Checkpoints: safetensors files with the weights, their average and the optimiser's state.

The recipe and the progress travel as JSON in the file's metadata, so that a
checkpoint alone says what it is, and nothing is ever unpickled.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from upscaler.errors import ModelError, StartError, UsageError
from upscaler.models import find_model
from upscaler.models.spec import CHECKPOINT_KEY, Architecture, Trained, Training
from upscaler.models.weights import network_of
from upscaler_train.recipe import Recipe
from upscaler_train.recipe_file import from_table

_KEY = "upscaler.checkpoint"

BF16, FP32 = "bf16", "fp32"
"""What the convolutions of a training may be computed in."""


@dataclass(frozen=True)
class Progress:
    """How far a training has come."""

    step: int = 0
    seconds: float = 0.0
    """Time spent training, pauses between resumes left out."""


@dataclass(frozen=True)
class Checkpoint:
    """One saved training."""

    recipe: Recipe
    progress: Progress
    machine: str
    """Where it was trained."""
    start: str
    """The training whose trunk it started from, in words; empty if from scratch."""
    arithmetic: str
    """BF16 or FP32; of a training that went on elsewhere, one `, then ` the other."""
    tensors: dict[str, Tensor]
    """`model.*`, `ema.*` and `optimiser.INDEX.KEY`."""

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors below `prefix.`, without it."""
        start = prefix + "."
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; whoever reads `path` sees the old file or the new one, never half."""
    metadata = {
        "recipe": asdict(checkpoint.recipe),
        "progress": asdict(checkpoint.progress),
        "machine": checkpoint.machine,
        "start": checkpoint.start,
        "arithmetic": checkpoint.arithmetic,
    }
    temporary = path.with_name(f".{path.name}.tmp")
    tensors = {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}
    facts = {_KEY: json.dumps(metadata)}
    if is_exported(checkpoint.recipe):
        facts[CHECKPOINT_KEY] = _trained(checkpoint).to_json()
    try:
        save_file(tensors, temporary, facts)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise StartError(f"cannot write the checkpoint {path}: {error}") from None


def is_exported(recipe: Recipe) -> bool:
    """Whether `upscaler export` knows what is trained: networks of the shipped family, averaged."""
    return isinstance(recipe.network, Architecture) and bool(recipe.optimisation.ema)


def _trained(checkpoint: Checkpoint) -> Trained:
    recipe, progress = checkpoint.recipe, checkpoint.progress
    assert isinstance(recipe.network, Architecture)
    training = Training(
        data=recipe.data.in_words,
        steps=progress.step,
        hours=round(progress.seconds / 3600, 2),
        machine=checkpoint.machine,
        start=checkpoint.start,
        arithmetic=checkpoint.arithmetic,
    )
    return Trained(recipe.name, recipe.network, training)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        ModelError: the file is missing or not one of ours.
    """
    with _opened(path) as (file, facts):
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Checkpoint(**facts, tensors=tensors)


def peek(path: Path) -> Checkpoint:
    """Read what a checkpoint says of itself, without its tensors; raises as `load` does."""
    with _opened(path) as (_, facts):
        return Checkpoint(**facts, tensors={})


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    if not path.is_file():
        raise ModelError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads(file.metadata()[_KEY])
            facts = {
                "recipe": from_table(metadata["recipe"]),
                "progress": Progress(**metadata["progress"]),
                "machine": metadata["machine"],
                "start": metadata["start"],
                "arithmetic": metadata["arithmetic"],
            }
            yield file, facts
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, UsageError) as error:
        raise ModelError(
            f"{path} is not a checkpoint of `upscaler train` ({type(error).__name__}: {error})"
        ) from None


def pack_optimiser(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Flatten the optimiser's state into named tensors."""
    return {
        f"optimiser.{index}.{key}": torch.as_tensor(value)
        for index, state in optimiser.state_dict()["state"].items()
        for key, value in state.items()
    }


def unpack_optimiser(
    optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor], *, steps: int
) -> None:
    """Put back what `pack_optimiser` took after so many steps."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        parameter = parameters[int(index)]
        # the fused optimiser pairs memory, not indices: a moment must lie as its parameter lies
        shaped = tensor.shape == parameter.shape
        value = torch.empty_like(parameter).copy_(tensor) if shaped else tensor
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    for group in optimiser.param_groups:
        group["step"] = steps  # where Muon counts; the others do beside their moments


def load_trunk(network: nn.Module, start: str) -> str:
    """Start `network` from the weights of another: a packaged model, an ONNX file or a checkpoint.

    The tail, which has other sizes at another scale, may stay as it was, and a context that the
    other network lacks.

    Args:
        start: `balanced-x2`, the path of an `.onnx` made by `upscaler export`, or that of a
            checkpoint (`.safetensors`), of which the averaged weights count.

    Returns:
        Where the weights come from, in words.

    Raises:
        ModelError: there are no such weights, or the trunk does not fit.
    """
    saved = Path(start).suffix == ".safetensors"
    weights, origin = _of_checkpoint(Path(start)) if saved else _of_model(start)
    own = network.state_dict()
    fitting = {k: v for k, v in weights.items() if k in own and own[k].shape == v.shape}
    if any(not _may_be_new(name) for name in own.keys() - fitting.keys()):
        raise ModelError(f"the trunk of {start} has other sizes; start from one of these widths")
    network.load_state_dict(fitting, strict=False)
    return origin


def _of_checkpoint(path: Path) -> tuple[dict[str, Tensor], str]:
    source = load_checkpoint(path)
    weights, recipe = source.part("ema"), source.recipe
    if not weights:
        raise ModelError(f"{path} has no averaged weights to start from (optimisation.ema was 0)")
    return weights, f"{recipe.name}-x{recipe.scale} after {source.progress.step:,} steps"


def _of_model(name: str) -> tuple[dict[str, Tensor], str]:
    model = find_model(name, 1)
    origin = f"{model.spec.title} after {model.spec.training.steps:,} steps"
    return network_of(model).state_dict(), origin


def _may_be_new(name: str) -> bool:
    return name.startswith("tail.") or ".context." in name
