"""The training loop, the one that every model of the project goes through."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from upscaler.errors import StartError, UpscalerError, UsageError
from upscaler.machine import cores, processor
from upscaler.network import AutoEncoder
from upscaler_train import checkpoint as checkpoints
from upscaler_train.checkpoint import Checkpoint, Progress
from upscaler_train.data import Pair, PatchSampler, load_pairs
from upscaler_train.evaluation import mean_psnr_y
from upscaler_train.losses import pixel_and_spectrum
from upscaler_train.recipe import Recipe
from upscaler_train.schedule import Clock, learning_rate

LAST = "last.safetensors"
"""The file name of a run's newest checkpoint."""


@dataclass(frozen=True)
class Tick:
    """What one step tells the person watching."""

    progress: Progress
    share: float
    """Of the budget, 0 to 1."""
    rate: float
    """Learning rate."""
    loss: float
    val_psnr: float | None
    """Mean PSNR-Y of the averaged weights in dB, on the steps where it was measured."""


class Watcher(Protocol):
    """Whoever shows the training: a progress bar, a log."""

    def __call__(self, tick: Tick) -> None:
        """Take note of one step."""


class Trainer:
    """One training run: `recipe` says what, `folder` is where its checkpoints go.

    Raises:
        UsageError: the folder holds a training that this one does not resume, or one of
            another network; or there are no pictures.
    """

    def __init__(self, recipe: Recipe, folder: Path, *, resume: bool = False) -> None:
        self.recipe, self.folder = recipe, folder
        if not resume and (folder / LAST).exists():
            raise UsageError(
                f"{folder} holds a training already; add --resume to go on with it, "
                f"or give another --out"
            )
        if recipe.run.threads:
            torch.set_num_threads(recipe.run.threads)
        torch.manual_seed(recipe.run.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = AutoEncoder(recipe.network)
        self._start = ""
        if recipe.start and not resume:
            self._start = checkpoints.load_trunk(network, Path(recipe.start))
        self.network = network.to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        optimisation = recipe.optimisation
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            betas=(optimisation.beta1, optimisation.beta2),
            weight_decay=optimisation.weight_decay,
            fused=True,
        )
        start = self._restore() if resume else Progress()
        self.sampler, self.val_pairs = self._load_data()
        if resume:
            self.sampler.random.bit_generator.state = self._random_state
        self.clock = Clock(recipe.schedule, start)

    def _load_data(self) -> tuple[PatchSampler, list[Pair]]:
        data, scale = self.recipe.data, self.recipe.network.scale
        sampler = PatchSampler(
            load_pairs(Path(data.train), scale),
            scale=scale,
            patch=data.patch,
            batch=data.batch,
            seed=self.recipe.run.seed,
        )
        return sampler, load_pairs(Path(data.val), scale)

    def _restore(self) -> Progress:
        saved = checkpoints.load(self.folder / LAST)
        if saved.recipe.network != self.recipe.network:
            raise UsageError(
                f"{self.folder / LAST} holds {saved.recipe.network}, the recipe asks for "
                f"{self.recipe.network}; give another --out"
            )
        self.network.load_state_dict(saved.part("model"))
        self.average.load_state_dict(saved.part("ema"))
        checkpoints.unpack_optimiser(self.optimiser, saved.part("optimiser"))
        self._random_state, self._start = saved.random_state, saved.start
        return saved.progress

    def run(self, watch: Watcher) -> Progress:
        """Train until the budget is used up; checkpoints are written on the way and at the end.

        An interrupt saves, too, and then goes on upwards.

        Raises:
            StartError: the weights are no numbers any more.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.clock.share < 1:
            try:
                self._train(watch)
            except UpscalerError:
                raise
            except BaseException:
                self._save()
                raise
        return self.clock.progress

    def _train(self, watch: Watcher) -> None:
        loss = 0.0
        next_check = self.clock.seconds + 60 * self.recipe.run.check_minutes
        while (share := self.clock.share) < 1:
            rate = learning_rate(self.recipe.schedule, self.clock.step, share)
            loss = self._step(rate, mse=share >= self.recipe.schedule.mse_from)
            self.clock.step += 1
            val_psnr = None
            if self.clock.seconds >= next_check:
                val_psnr = self._check()
                next_check = self.clock.seconds + 60 * self.recipe.run.check_minutes
            watch(Tick(self.clock.progress, share, rate, loss, val_psnr))
        watch(Tick(self.clock.progress, 1.0, 0.0, loss, self._check()))

    def _step(self, rate: float, *, mse: bool) -> float:
        low, high = (self._to_device(batch) for batch in self.sampler.draw())
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.run.bf16):
            residual = self.network.residual(low)
        output = self.network.onto_bicubic(low, residual.float())
        fft = self.recipe.optimisation.fft
        loss = F.mse_loss(output, high) if mse else pixel_and_spectrum(output, high, fft)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.optimisation.clip)
        self.optimiser.step()
        self._update_average()
        return float(loss.detach())

    def _to_device(self, batch: Tensor) -> Tensor:
        return batch.to(self.device, memory_format=torch.channels_last, non_blocking=True)

    @torch.no_grad()
    def _update_average(self) -> None:
        # young averages forget fast, or the first random weights would linger in them
        decay = min(self.recipe.optimisation.ema, (1 + self.clock.step) / (10 + self.clock.step))
        averages: list[Tensor] = list(self.average.parameters())
        weights: list[Tensor] = list(self.network.parameters())
        torch._foreach_lerp_(averages, weights, 1 - decay)

    def _check(self) -> float:
        self._save()
        return mean_psnr_y(self.average, self.val_pairs, self.recipe.network.scale, self.device)

    def _save(self) -> None:
        """Write a checkpoint; never one that a diverged training would go on from."""
        if not all(torch.isfinite(parameter).all() for parameter in self.network.parameters()):
            raise StartError(
                f"the training has diverged at step {self.clock.step}; lower "
                f"schedule.learning_rate and --resume from the last checkpoint"
            )
        checkpoint = Checkpoint(
            recipe=self.recipe,
            progress=self.clock.progress,
            random_state=dict(self.sampler.random.bit_generator.state),
            machine=self._machine(),
            start=self._start,
            tensors=dict(self._tensors()),
        )
        checkpoints.save(checkpoint, self.folder / LAST)

    def _machine(self) -> str:
        if self.device.type == "cuda":
            return torch.cuda.get_device_name()
        return f"{torch.get_num_threads()} of {cores()} cores of an {processor()}"

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for prefix, module in (("model", self.network), ("ema", self.average)):
            for name, tensor in module.state_dict().items():
                yield f"{prefix}.{name}", tensor
        yield from checkpoints.pack_optimiser(self.optimiser).items()
