"""The training loop, the one that every model of the project goes through."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from upscaler.errors import StartError, UpscalerError, UsageError
from upscaler.hardware import system
from upscaler_train.data.pairs import Dataset, load_dataset
from upscaler_train.data.sampling import sampler_for, steps_per_epoch
from upscaler_train.networks.build import TrainingForm, build, check_memory
from upscaler_train.recipe import Recipe, differences
from upscaler_train.training import checkpoint as checkpoints
from upscaler_train.training.checkpoint import BF16, FP32, Checkpoint, Progress
from upscaler_train.training.devices import computes_bf16, connect, machine_of
from upscaler_train.training.evaluation import Similarity, score
from upscaler_train.training.losses import colour_shift, reconstruction
from upscaler_train.training.optimisers import optimiser_for, set_rate
from upscaler_train.training.schedule import Clock, learning_rate
from upscaler_train.training.signals import held_back

_LOCK = ".lock"
LAST = "last.safetensors"
"""The file name of a run's newest checkpoint."""


@dataclass(frozen=True)
class Tick:
    """What one step tells the person watching."""

    progress: Progress
    epoch: float
    """How often, by now, it has seen as many pictures as there are."""
    share: float
    """Of the budget, 0 to 1."""
    rate: float
    """Learning rate."""
    loss: Tensor
    """A number, still on the device: reading it every step would make a GPU wait."""
    val: Similarity | None
    """Of the averaged weights on the validation images, on the steps where it was measured."""


class Diverged(StartError):
    """The weights are no numbers any more."""


class Watcher(Protocol):
    """Whoever shows the training: a progress bar, a log."""

    def __call__(self, tick: Tick) -> None:
        """Take note of one step."""


class Trainer:
    """One training run: `recipe` says what, `folder` is where its checkpoints go.

    Args:
        dataset: the pictures, if they have been read already.

    Raises:
        UsageError: the folder holds a training that this one does not resume, or one of
            another network; or there are no pictures, or none that fit.
        StartError: there is too little memory.
    """

    def __init__(
        self, recipe: Recipe, folder: Path, *, resume: bool = False, dataset: Dataset | None = None
    ) -> None:
        self.recipe, self.folder = recipe, folder
        if not resume and (folder / LAST).exists():
            raise UsageError(
                f"{folder} holds a training already; add --resume to go on with it, "
                f"or give another --out"
            )
        if recipe.run.threads:
            torch.set_num_threads(recipe.run.threads)
        check_memory(recipe)
        self.fabric = connect()
        _check_batch(recipe, self.fabric.world_size)
        self.dataset = dataset or load_dataset(recipe)
        self.sampler = sampler_for(recipe, self.dataset.train, self.fabric.device)
        self.epoch = steps_per_epoch(recipe, self.dataset.train)
        self._start, self._whole = "", True
        self.bf16 = recipe.run.bf16 and computes_bf16(self.fabric.device)
        self._arithmetic = BF16 if self.bf16 else FP32
        self._set_up(resume=resume)
        start = self._restore() if resume else Progress()
        self.clock = Clock(recipe.schedule, start, self.epoch)

    def _set_up(self, *, resume: bool) -> None:
        recipe = self.recipe
        torch.manual_seed(recipe.run.seed)
        self.network = build(recipe).to(self.fabric.device)
        if recipe.start and not resume:
            self._start = checkpoints.load_trunk(self.network, recipe.start)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = self.network
        if recipe.optimisation.ema:
            self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        form: nn.Module = TrainingForm(self.network, bf16=self.bf16)
        if recipe.run.compile:
            form.compile()
        optimiser = optimiser_for(recipe.optimisation, self.network)
        self._form, self.optimiser = self.fabric.setup(form, optimiser)

    def _restore(self) -> Progress:
        saved = checkpoints.load_checkpoint(self.folder / LAST)
        other = [key for key in differences(saved.recipe, self.recipe) if _shapes(key)]
        if other:
            raise UsageError(
                f"{self.folder / LAST} was trained with another {', '.join(other)}; "
                f"give another --out"
            )
        self.network.load_state_dict(saved.part("model"))
        if self.average is not self.network:
            self.average.load_state_dict(saved.part("ema"))
        checkpoints.unpack_optimiser(
            self.optimiser, saved.part("optimiser"), steps=saved.progress.step
        )
        self._start = saved.start
        same = saved.arithmetic.split()[-1] == self._arithmetic
        self._arithmetic = saved.arithmetic + ("" if same else f", then {self._arithmetic}")
        return saved.progress

    @property
    def leads(self) -> bool:
        """Whether this is the process that saves, looks and tells."""
        return self.fabric.is_global_zero

    @property
    def machine(self) -> str:
        """What it runs on, in words."""
        return machine_of(self.fabric)

    @property
    def conditions(self) -> str:
        """On what it runs and how it computes there, in one line."""
        if self.bf16:
            return f"{self.machine}, convolutions in bfloat16"
        if not self.recipe.run.bf16:
            return f"{self.machine}, in float32 as the recipe says"
        return f"{self.machine}, in float32: it has no instructions for bfloat16"

    def run(self, watch: Watcher) -> Progress:
        """Train until the budget is used up; checkpoints are written on the way and at the end.

        An interrupt saves, too, and then goes on upwards. So does an error between two steps; one
        within a step, too little memory say, may have changed some weights.

        Raises:
            Diverged: the weights are no numbers any more.
            StartError: another process trains into the folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        began = self.clock.step
        with self._lock():
            if self._share() < 1:
                try:
                    self._train(watch)
                except UpscalerError:
                    raise
                except BaseException:
                    if self._whole and self.clock.step > began:
                        self._save()
                    raise
        return self.clock.progress

    @contextmanager
    def _lock(self) -> Iterator[None]:
        if not self.leads:
            yield
            return
        with (self.folder / _LOCK).open("w") as file:
            try:
                system.lock(file, wait=False)
            except BlockingIOError:
                raise StartError(f"another process trains into {self.folder}") from None
            yield

    def _train(self, watch: Watcher) -> None:
        interval = 60 * self.recipe.run.check_minutes
        next_save = self.clock.seconds + interval
        while (share := self._share()) < 1:
            rate = learning_rate(self.recipe.schedule, self.clock.step, share)
            with held_back():
                self._whole = False
                loss = self._step(rate, mse=share >= self.recipe.schedule.mse_from)
                self.clock.step += 1
                self._whole = True
            if not self.leads:
                continue
            share = self.clock.share
            if save_due := share == 1 or self.clock.seconds >= next_save:
                self._save()
                next_save = self.clock.seconds + interval
            epochs = self.recipe.run.check_epochs * self.epoch
            check_due = share == 1 or (self.clock.step % epochs == 0 if epochs else save_due)
            val = self._score() if check_due else None
            epoch = self.clock.step / self.epoch
            watch(Tick(self.clock.progress, epoch, share, rate, loss, val))

    def _share(self) -> float:
        """The part of the budget that is used up, by the clock of the process that leads."""
        return self.fabric.broadcast(self.clock.share)

    def _step(self, rate: float, *, mse: bool) -> Tensor:
        fabric, settings = self.fabric, self.recipe.optimisation
        low, high = self.sampler.draw(
            self.clock.step, worker=fabric.global_rank, workers=fabric.world_size
        )
        set_rate(self.optimiser, rate)
        output = self._form(low)
        loss = self._loss(output, high, mse=mse)
        if settings.colour:
            loss = loss + settings.colour * colour_shift(output, low)
        self.optimiser.zero_grad(set_to_none=True)
        fabric.backward(loss)
        if settings.clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip)
        self.optimiser.step()
        if settings.ema:
            self._update_average()
        return loss.detach().clone()  # which lets go of the memory, as large as a batch, behind it

    def _loss(self, output: Tensor, high: Tensor, *, mse: bool) -> Tensor:
        if mse:
            return F.mse_loss(output, high)
        settings = self.recipe.optimisation
        return reconstruction(
            output,
            high,
            fft=settings.fft,
            ms_ssim=settings.ms_ssim,
            contrast=settings.contrast,
        )

    @torch.no_grad()
    def _update_average(self) -> None:
        # young averages forget fast, or the first random weights would linger in them
        decay = min(self.recipe.optimisation.ema, (1 + self.clock.step) / (10 + self.clock.step))
        averages: list[Tensor] = list(self.average.parameters())
        torch._foreach_lerp_(averages, list(self.network.parameters()), 1 - decay)
        for own, other in zip(self.average.buffers(), self.network.buffers(), strict=True):
            own.copy_(other)  # the statistics of a normalisation are averages already

    def _score(self) -> Similarity:
        return score(self.average, self.dataset.val, self.recipe.scale, self.fabric.device)

    def _save(self) -> None:
        """Write a checkpoint; never one that a diverged training would go on from."""
        if not self.leads:
            return
        if not all(torch.isfinite(parameter).all() for parameter in self.network.parameters()):
            raise Diverged(
                f"the training of {self.recipe.name} has diverged at step {self.clock.step}; lower "
                f"schedule.learning_rate and go on from the last checkpoint"
            )
        checkpoint = Checkpoint(
            recipe=self.recipe,
            progress=self.clock.progress,
            machine=self.machine,
            start=self._start,
            arithmetic=self._arithmetic,
            tensors=dict(self._tensors()),
        )
        checkpoints.save(checkpoint, self.folder / LAST)

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        modules = {"model": self.network}
        if self.average is not self.network:
            modules["ema"] = self.average
        for prefix, module in modules.items():
            for name, tensor in module.state_dict().items():
                yield f"{prefix}.{name}", tensor
        yield from checkpoints.pack_optimiser(self.optimiser).items()


def _shapes(key: str) -> bool:
    """Whether a key of a recipe decides what the tensors of a checkpoint are."""
    return key.startswith("network.") or key in (
        "data.grey",
        "optimisation.ema",
    )


def _check_batch(recipe: Recipe, workers: int) -> None:
    if workers > 1 and not recipe.data.patch:
        raise UsageError("training on whole pictures (data.patch = 0) runs in one process only")
    if recipe.data.batch % workers:
        raise UsageError(
            f"{workers} processes cannot share a batch of {recipe.data.batch} evenly; "
            f"change data.batch or the number of processes"
        )
