"""Where batches come from: cut out of pictures that lie, as uint8, on the training's device."""

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from upscaler.errors import UsageError
from upscaler_train.data.fresh import FreshSampler
from upscaler_train.data.pairs import Batch, Pair, Pixels
from upscaler_train.recipe import Recipe

Indices = NDArray[np.int64]
_BYTES = 4


class Sampler(Protocol):
    """Gives the same batch for the same step, so that a resumed training goes on exactly."""

    def draw(self, step: int, *, worker: int = 0, workers: int = 1) -> Batch:
        """Return what `worker` of `workers` trains on in a step; together they see the batch."""


def steps_per_epoch(recipe: Recipe, pairs: list[Pair]) -> int:
    """Return after how many steps as many pictures were drawn as there are.

    Raises:
        UsageError: the pictures do not fit the recipe.
    """
    data = recipe.data
    if not data.patch and len({pair.high.shape for pair in pairs}) > 1:
        raise UsageError("training on whole pictures (data.patch = 0) needs all of one size")
    usable = [pair for pair in pairs if min(pair.low.shape[:2]) >= data.patch]
    if not usable:
        raise UsageError(f"every image is smaller than the patch of {data.patch} pixels")
    return math.ceil(len(usable) / data.batch)


def sampler_for(recipe: Recipe, pairs: list[Pair], device: torch.device | None = None) -> Sampler:
    """Return the sampler that a recipe asks for: patches, or whole pictures.

    Raises:
        UsageError: the pictures do not fit it.
    """
    steps_per_epoch(recipe, pairs)  # which checks them
    data, seed, device = recipe.data, recipe.run.seed, device or torch.device("cpu")
    if not data.patch:
        return PictureSampler(pairs, batch=data.batch, seed=seed, device=device)
    if recipe.degradation.acts:
        return FreshSampler(pairs, recipe, device)
    return PatchSampler(
        pairs,
        scale=recipe.scale,
        patch=data.patch,
        batch=data.batch,
        seed=seed,
        device=device,
        permute=not data.pairs,  # of degraded colours: JPEG and noise do not treat them alike
    )


class PictureSampler:
    """Whole pictures of one size in random order, each once an epoch, as they are."""

    def __init__(self, pairs: list[Pair], *, batch: int, seed: int, device: torch.device) -> None:
        self._low = torch.from_numpy(np.stack([pair.low for pair in pairs])).to(device)
        self._high = torch.from_numpy(np.stack([pair.high for pair in pairs])).to(device)
        self._batch, self._seed = batch, seed
        self._epoch = math.ceil(len(pairs) / batch)

    def draw(self, step: int, *, worker: int = 0, workers: int = 1) -> Batch:
        """Return one batch; the last of an epoch may be smaller."""
        epoch, number = divmod(step, self._epoch)
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._low))
        chosen = order[number * self._batch :][: self._batch][worker::workers]
        index = torch.from_numpy(chosen).to(self._low.device)
        return _floats(self._low[index]), _floats(self._high[index])


class PatchSampler:
    """Endless random patches.

    A picture comes as often as it has pixels, so that large ones count for what they hold, and
    a small one for no less because there are few ways to cut it. Each patch is flipped and
    rotated one of eight ways and, with `permute`, its colour channels change places.
    """

    def __init__(
        self,
        pairs: list[Pair],
        *,
        scale: int,
        patch: int,
        batch: int,
        seed: int,
        device: torch.device,
        permute: bool = True,
    ) -> None:
        pairs = [pair for pair in pairs if min(pair.low.shape[:2]) >= patch]
        self._batch, self._seed, self._pictures = batch, seed, len(pairs)
        self._free = np.array([pair.low.shape[:2] for pair in pairs]) - patch + 1
        areas = np.array([pair.low.shape[0] * pair.low.shape[1] for pair in pairs])
        self._share = areas / areas.sum()
        self._low = _Pool([pair.low for pair in pairs], patch, device)
        self._high = _Pool([pair.high for pair in pairs], scale * patch, device)
        self._scale, self._permute = scale, permute

    def draw(self, step: int, *, worker: int = 0, workers: int = 1) -> Batch:
        """Return low (N, C, patch, patch) and high (N, C, patch*scale, patch*scale)."""
        random = np.random.default_rng((self._seed, step))
        picture = random.choice(self._pictures, self._batch, p=self._share)
        corner = (random.random((self._batch, 2)) * self._free[picture]).astype(np.int64)
        turn = random.integers(2, size=(self._batch, 3))
        channels = np.tile(np.arange(self._low.channels), (self._batch, 1))
        if self._permute:
            channels = random.permuted(channels, axis=1)
        mine = slice(worker, None, workers)
        turn, channels = turn[mine], channels[mine]
        low = self._low.cut(picture[mine], corner[mine], turn, channels)
        return low, self._high.cut(picture[mine], self._scale * corner[mine], turn, channels)


class _Pool:
    """Pictures of any sizes as one row of pixels, from which square patches are gathered."""

    def __init__(self, images: list[Pixels], patch: int, device: torch.device) -> None:
        self._patch, self.channels = patch, images[0].shape[2]
        self._pixels = torch.cat([_packed(image) for image in images]).to(device)
        self._width = np.array([image.shape[1] for image in images])
        sizes = [image.shape[0] * image.shape[1] for image in images]
        self._start = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def cut(self, picture: Indices, corner: Indices, turn: Indices, channels: Indices) -> Tensor:
        """Return float32 (N, C, patch, patch) in [0, 1].

        Args:
            picture: (N,), which one.
            corner: (N, 2), row and column of the patch's first pixel.
            turn: (N, 3) of 0 and 1: whether to transpose, to flip the rows, to flip the columns.
            channels: (N, C), which channel each channel of the patch is taken from.
        """
        width, transpose, flips = self._width[picture], turn.T[0], turn.T[1:]
        start = self._start[picture] + corner[:, 0] * width + corner[:, 1]
        # how far apart in the pool two pixels lie that are neighbours in the patch
        steps = np.where(transpose, (np.ones_like(width), width), (width, np.ones_like(width)))
        start = start + (self._patch - 1) * (flips * steps).sum(axis=0)
        steps = np.where(flips, -steps, steps)
        first, down, right, order = map(self._on_device, (start, *steps, channels))
        along = torch.arange(self._patch, device=self._pixels.device)
        places = first[:, None, None] + down[:, None, None] * along[:, None]
        pixels = self._pixels.take(places + right[:, None, None] * along)
        patches = pixels.view(torch.uint8).reshape(*pixels.shape, _BYTES)
        order = order[:, None, None, :].expand(*pixels.shape, self.channels)
        return _floats(patches.gather(3, order))

    def _on_device(self, values: Indices) -> Tensor:
        device = self._pixels.device
        # CUDA has read numpy's memory when this returns, and need not wait for the step before
        return torch.from_numpy(values).to(device, non_blocking=device.type == "cuda")


def _packed(image: Pixels) -> Tensor:
    """Four bytes a pixel: gathering whole words is twice as fast as gathering three bytes."""
    padded = np.zeros((*image.shape[:2], _BYTES), np.uint8)
    padded[..., : image.shape[2]] = image
    return torch.from_numpy(padded.reshape(-1)).view(torch.int32)


def _floats(images: Tensor) -> Tensor:
    """Turn uint8 (N, H, W, C) into float32 (N, C, H, W) in [0, 1]; channels last in memory."""
    return images.permute(0, 3, 1, 2).float().div_(255)
