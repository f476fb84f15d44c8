"""Patches that are degraded anew for each step, in processes of their own."""

from collections.abc import Iterator
from itertools import count
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from upscaler_train.data.degrade import MARGIN, degraded
from upscaler_train.data.pairs import Batch, Pair, Pixels, as_batch
from upscaler_train.recipe import Recipe

_AHEAD = 4
"""Batches that each process may be ahead of the training."""


class FreshSampler:
    """Endless random patches, each degraded as no other: a function of seed, step and place.

    A picture comes as often as it has pixels. Patches are flipped and rotated one of eight ways
    before they are degraded; colours stay, as JPEG does not treat them alike.
    """

    def __init__(self, pairs: list[Pair], recipe: Recipe, device: torch.device) -> None:
        self._patches = _Patches(pairs, recipe)
        self._processes, self._device = recipe.run.processes, device
        self._batches: Iterator[Batch] = iter(())
        self._next = (-1, -1, -1)

    def draw(self, step: int, *, worker: int = 0, workers: int = 1) -> Batch:
        """Return low (N, 3, patch, patch) and high (N, 3, patch*scale, patch*scale).

        Steps that follow one another are prepared ahead.
        """
        if self._next != (step, worker, workers):
            self._batches = self._from(step, worker, workers)
        self._next = (step + 1, worker, workers)
        low, high = next(self._batches)
        return low.to(self._device), high.to(self._device)

    def _from(self, step: int, worker: int, workers: int) -> Iterator[Batch]:
        loader: DataLoader[Any] = DataLoader(
            _Share(self._patches, worker, workers),
            sampler=count(step),
            batch_size=None,
            num_workers=self._processes,
            prefetch_factor=_AHEAD if self._processes else None,
        )
        return cast(Iterator[Batch], iter(loader))


class _Share(Dataset[Batch]):
    """By step: what one of several trainings of one batch sees."""

    def __init__(self, patches: "_Patches", worker: int, workers: int) -> None:
        self._patches, self._worker, self._workers = patches, worker, workers

    def __getitem__(self, step: int) -> Batch:
        return self._patches.batch(step, self._worker, self._workers)


class _Patches:
    """Where the patches are cut from, and how."""

    def __init__(self, pairs: list[Pair], recipe: Recipe) -> None:
        self._recipe = recipe
        patch = recipe.data.patch
        self._pairs = [pair for pair in pairs if min(pair.low.shape[:2]) >= patch]
        areas = np.array([pair.low.shape[0] * pair.low.shape[1] for pair in self._pairs])
        self._ends = np.cumsum(areas / areas.sum())

    def batch(self, step: int, worker: int, workers: int) -> Batch:
        numbers = range(worker, self._recipe.data.batch, workers)
        pairs = [self._pair(step, number) for number in numbers]
        lows, highs = zip(*pairs, strict=True)
        return as_batch(list(lows)), as_batch(list(highs))

    def _pair(self, step: int, number: int) -> tuple[Pixels, Pixels]:
        recipe = self._recipe
        patch, scale = recipe.data.patch, recipe.scale
        random = np.random.default_rng((recipe.run.seed, step, number))
        # the last end may be a little below 1
        drawn = int(np.searchsorted(self._ends[:-1], random.random(), side="right"))
        pair = self._pairs[drawn]
        around, inner = zip(
            *(_window(size, patch, random) for size in pair.low.shape[:2]), strict=True
        )
        flips = random.integers(2, size=3)
        low = _turned(pair.low[around], flips)
        high = _turned(pair.high[tuple(_scaled(part, scale) for part in around)], flips)
        rows, columns = _turned_windows(inner, low.shape[:2], flips)
        low = degraded(high, low, recipe.degradation, random)
        return low[rows, columns], high[_scaled(rows, scale), _scaled(columns, scale)]


def _window(size: int, patch: int, random: np.random.Generator) -> tuple[slice, slice]:
    """Return a random patch of a side, with what it has of `MARGIN` around; and itself in that."""
    first = int(random.integers(size - patch + 1))
    start, end = max(first - MARGIN, 0), min(first + patch + MARGIN, size)
    return slice(start, end), slice(first - start, first - start + patch)


def _scaled(part: slice, scale: int) -> slice:
    return slice(part.start * scale, part.stop * scale)


def _turned(image: Pixels, flips: np.ndarray[Any, Any]) -> Pixels:
    """Transpose, turn upside down and mirror, as the three say."""
    if flips[0]:
        image = image.transpose(1, 0, 2)
    return np.ascontiguousarray(image[:: -1 if flips[1] else 1, :: -1 if flips[2] else 1])


def _turned_windows(
    inner: tuple[slice, ...], shape: tuple[int, int], flips: np.ndarray[Any, Any]
) -> tuple[slice, slice]:
    """Where a window lies after `_turned`, in an image that has `shape` then."""
    rows, columns = reversed(inner) if flips[0] else inner
    return _flipped(rows, shape[0], flips[1]), _flipped(columns, shape[1], flips[2])


def _flipped(part: slice, size: int, flip: int) -> slice:
    return slice(size - part.stop, size - part.start) if flip else part
