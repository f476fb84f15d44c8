"""Pairs of images for training: the high-resolution picture and its low-resolution twin."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from upscaler.errors import ImageError, UsageError
from upscaler.images import format_of, open_picture
from upscaler.metrics import bicubic, modcrop
from upscaler_train.recipe import Recipe

Pixels = NDArray[np.uint8]
Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Pair:
    """One picture twice; uint8 (H, W, channels), `high` exactly `scale` times `low`."""

    low: Pixels
    high: Pixels


@dataclass(frozen=True)
class Dataset:
    """What a training sees, and what watches it."""

    train: list[Pair]
    val: list[Pair]


def load_dataset(recipe: Recipe) -> Dataset:
    """Read both folders of a recipe; raises UsageError if one has no images."""
    return Dataset(
        load_pairs(Path(recipe.data.train), recipe), load_pairs(Path(recipe.data.val), recipe)
    )


def load_pairs(folder: Path, recipe: Recipe) -> list[Pair]:
    """Read every image below `folder`, in the order of their names.

    Raises:
        UsageError: there is no image, one that cannot be read, or one that does not fit the
            network.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and format_of(path))
    if not paths:
        raise UsageError(
            f"no images in {folder}; give the folder of high-resolution "
            f"images with --set data.train=DIR and --set data.val=DIR"
        )
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda path: make_pair(path, recipe), paths))


def make_pair(path: Path, recipe: Recipe) -> Pair:
    """Read a picture and make its low-resolution twin.

    `smaller`: shrunk by antialiased bicubic, as the published test sets are made.
    `same-size`: shrunk so by 2, then enlarged by 2 bilinearly, as the seed report has it.

    Raises:
        UsageError: it cannot be read, or the network takes pictures of another size only.
    """
    try:
        rgb = open_picture(path).rgb
    except ImageError as error:
        raise UsageError(f"{path}: {error}; take it out") from None
    high = np.asarray(rgb // 257 if rgb.dtype == np.uint16 else rgb, dtype=np.uint8)
    if recipe.data.grey:
        high = np.asarray(Image.fromarray(high).convert("L"))[..., None]
    size = getattr(recipe.network, "size", None)
    if size and high.shape[:2] != (size, size):
        raise UsageError(
            f"{path} has {high.shape[1]}x{high.shape[0]} pixels, the network takes {size}x{size}"
        )
    if recipe.data.twin == "same-size":
        high = modcrop(high, 2)
        return Pair(low=_enlarged(bicubic(high, 1 / 2)), high=high)
    high = modcrop(high, recipe.scale)
    return Pair(low=bicubic(high, 1 / recipe.scale), high=high)


def _enlarged(image: Pixels) -> Pixels:
    height, width, channels = image.shape
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    large = picture.resize((2 * width, 2 * height), Image.Resampling.BILINEAR)
    return np.asarray(large).reshape(2 * height, 2 * width, channels)


class Sampler(Protocol):
    """Where batches come from. The same step gives the same batch, so a resume is exact."""

    epoch: int
    """Steps in an epoch."""

    def draw(self, step: int) -> Batch:
        """Return low and high, float32 (N, C, H, W) in [0, 1]."""


def sampler_for(recipe: Recipe, pairs: list[Pair]) -> Sampler:
    """Return the sampler that a recipe asks for: patches, or whole pictures.

    Raises:
        UsageError: the pictures do not fit it.
    """
    data, seed = recipe.data, recipe.run.seed
    if not data.patch:
        return PictureSampler(pairs, batch=data.batch, seed=seed)
    return PatchSampler(pairs, scale=recipe.scale, patch=data.patch, batch=data.batch, seed=seed)


class PictureSampler:
    """Whole pictures of one size in random order, each once an epoch, as they are."""

    def __init__(self, pairs: list[Pair], *, batch: int, seed: int) -> None:
        if len({pair.high.shape for pair in pairs}) > 1:
            raise UsageError("training on whole pictures (data.patch = 0) needs all of one size")
        self._pairs, self._batch, self._seed = pairs, batch, seed
        self.epoch = math.ceil(len(pairs) / batch)

    def draw(self, step: int) -> Batch:
        """Return one batch; the last of an epoch may be smaller."""
        epoch, number = divmod(step, self.epoch)
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._pairs))
        chosen = order[number * self._batch :][: self._batch]
        return as_batch([self._pairs[i].low for i in chosen]), as_batch(
            [self._pairs[i].high for i in chosen]
        )


class PatchSampler:
    """Endless random training batches.

    Every patch position of the whole collection is equally likely, so that large pictures
    count for what they hold. Each patch is flipped and rotated one of eight ways and its
    colour channels are permuted.
    """

    def __init__(self, pairs: list[Pair], *, scale: int, patch: int, batch: int, seed: int) -> None:
        self._pairs = [pair for pair in pairs if min(pair.low.shape[:2]) >= patch]
        if not self._pairs:
            raise UsageError(f"every image is smaller than the patch of {patch} pixels")
        self._scale, self._patch, self._batch = scale, patch, batch
        places = np.array([(h - patch + 1) * (w - patch + 1) for h, w in self._sizes()])
        self._likelihood = places / places.sum()
        self._seed = seed
        self.epoch = math.ceil(len(self._pairs) / batch)

    def _sizes(self) -> Iterator[tuple[int, int]]:
        return ((pair.low.shape[0], pair.low.shape[1]) for pair in self._pairs)

    def __len__(self) -> int:
        """How many pictures are large enough to be used."""
        return len(self._pairs)

    def draw(self, step: int) -> Batch:
        """Return low (N, C, patch, patch) and high (N, C, patch*scale, ...), float32 in [0, 1]."""
        random = np.random.default_rng((self._seed, step))
        chosen = random.choice(len(self._pairs), self._batch, p=self._likelihood)
        cuts = [self._cut(self._pairs[index], random) for index in chosen]
        return as_batch([low for low, _ in cuts]), as_batch([high for _, high in cuts])

    def _cut(self, pair: Pair, random: np.random.Generator) -> tuple[Pixels, Pixels]:
        patch, scale = self._patch, self._scale
        top = int(random.integers(pair.low.shape[0] - patch + 1))
        left = int(random.integers(pair.low.shape[1] - patch + 1))
        low = pair.low[top : top + patch, left : left + patch]
        high = pair.high[scale * top :, scale * left :][: scale * patch, : scale * patch]
        turns, flip = int(random.integers(4)), bool(random.integers(2))
        channels = random.permutation(pair.low.shape[2])
        return _augment(low, turns, flip, channels), _augment(high, turns, flip, channels)


def _augment(image: Pixels, turns: int, flip: bool, channels: NDArray[np.int64]) -> Pixels:
    image = np.rot90(image, turns)
    return (image[:, ::-1] if flip else image)[..., channels]


def as_batch(images: list[Pixels]) -> Tensor:
    """Turn uint8 (H, W, C) images of one size into a float32 (N, C, H, W) batch in [0, 1]."""
    batch = np.stack(images).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(batch)).float().div_(255)
