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
from upscaler.models.spec import CHECKPOINT_KEY, Architecture, Trained, Training
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
    averaged = checkpoint.recipe.optimisation.ema
    if isinstance(checkpoint.recipe.network, Architecture) and averaged:  # export knows no other
        facts[CHECKPOINT_KEY] = _trained(checkpoint, checkpoint.recipe.network).to_json()
    try:
        save_file(tensors, temporary, facts)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise StartError(f"cannot write the checkpoint {path}: {error}") from None


def _trained(checkpoint: Checkpoint, architecture: Architecture) -> Trained:
    recipe, progress = checkpoint.recipe, checkpoint.progress
    training = Training(
        data=recipe.data.description,
        steps=progress.step,
        hours=round(progress.seconds / 3600, 2),
        machine=checkpoint.machine,
        start=checkpoint.start,
        arithmetic=checkpoint.arithmetic,
    )
    return Trained(recipe.name, architecture, training)


def load(path: Path) -> Checkpoint:
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
            recipe = from_table(_of_today(metadata["recipe"]))
            # before it was recorded, the recipe alone decided
            asked = BF16 if recipe.run.bf16 else FP32
            facts = {
                "recipe": recipe,
                "progress": Progress(**metadata["progress"]),
                "machine": metadata.get("machine", ""),
                "start": metadata.get("start", ""),
                "arithmetic": metadata.get("arithmetic", asked),
            }
            yield file, facts
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, UsageError) as error:
        raise ModelError(
            f"{path} is not a checkpoint of `upscaler train` ({type(error).__name__}: {error})"
        ) from None


def _of_today(table: dict[str, Any]) -> dict[str, Any]:
    """Leave out what recipes said of degradation while pictures had a number of fixed twins."""
    degradation = table["degradation"]
    if "variants" not in degradation:
        return table
    return {key: value for key, value in table.items() if key != "degradation"}


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


def load_trunk(network: nn.Module, path: Path) -> str:
    """Start `network` from another checkpoint's averaged weights.

    The tail, which has other sizes at another scale, may stay as it was, and a context that the
    other network lacks.

    Returns:
        Where the weights come from, in words.

    Raises:
        ModelError: the trunk does not fit.
    """
    source = load(path)
    weights, own = source.part("ema"), network.state_dict()
    if not weights:
        raise ModelError(f"{path} has no averaged weights to start from (optimisation.ema was 0)")
    fitting = {k: v for k, v in weights.items() if k in own and own[k].shape == v.shape}
    if any(not _may_be_new(name) for name in own.keys() - fitting.keys()):
        raise ModelError(f"the trunk in {path} has other sizes; start from a model of these widths")
    network.load_state_dict(fitting, strict=False)
    recipe = source.recipe
    return f"{recipe.name}-x{recipe.network.scale} after {source.progress.step:,} steps"


def _may_be_new(name: str) -> bool:
    return name.startswith("tail.") or ".context." in name
