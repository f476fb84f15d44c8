"""Pairs of images for training: the high-resolution picture and its low-resolution twin."""

import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from upscaler import Upscaler
from upscaler.errors import ImageError, UsageError
from upscaler.images import format_of, open_picture
from upscaler.quality.metrics import bicubic, modcrop
from upscaler_train.degrade import shrink_badly
from upscaler_train.recipe import Recipe
from upscaler_train.stripes import striped

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pair:
    """One picture twice; uint8 (H, W, channels), `high` exactly `scale` times as large."""

    lows: tuple[Pixels, ...]
    """One, or as many as the recipe's degradation asks for, of one size."""
    high: Pixels

    @property
    def low(self) -> Pixels:
        """The first, which is the one that is measured."""
        return self.lows[0]


@dataclass(frozen=True)
class Dataset:
    """What a training sees, and what watches it."""

    train: list[Pair]
    val: list[Pair]


def load_dataset(recipe: Recipe) -> Dataset:
    """Read both folders of a recipe.

    Raises:
        UsageError, ModelError: see `load_pairs`, `striped` and `taught`.
    """
    train = load_pairs(Path(recipe.data.train), recipe)
    if recipe.data.stripes:
        train += striped_pairs([pair.high for pair in train], recipe)
    if recipe.data.teacher:
        train = taught(train, recipe)
    return Dataset(train, load_pairs(Path(recipe.data.val), recipe))


def striped_pairs(photographs: list[Pixels], recipe: Recipe) -> list[Pair]:
    """Make as many pictures with stripes as the recipe says, the same ones for the same seed.

    Raises:
        UsageError: no photograph is large enough.
    """
    random = np.random.default_rng(recipe.run.seed)
    pictures = striped(photographs, recipe.data.stripes, random)
    return [_pair(picture, recipe, random) for picture in pictures]


def taught(pairs: list[Pair], recipe: Recipe) -> list[Pair]:
    """Mix into each large picture what the recipe's teacher makes of the small one.

    A network learns the mean of all that a small picture may have been, and the output of a
    better one is nearer to it than the picture that it was (distillation, Hinton et al. 2015).

    Raises:
        UsageError, ModelError: there is no such teacher, or it is of another scale.
    """
    teacher = Upscaler(recipe.data.teacher, scale=recipe.scale)
    if teacher.scale != recipe.scale:
        raise UsageError(
            f"the teacher {teacher.model.title} enlarges {teacher.scale} times, "
            f"{recipe.name} {recipe.scale} times"
        )
    share = recipe.data.teacher_share

    def mixed(pair: Pair) -> Pair:
        target = (1 - share) * pair.high + share * teacher(pair.low)
        return Pair(pair.lows, np.rint(target).astype(np.uint8))

    return [mixed(pair) for pair in pairs]


def load_pairs(folder: Path, recipe: Recipe) -> list[Pair]:
    """Read every image below `folder`, in the order of their names.

    Raises:
        UsageError: there is no image, one that cannot be read, or one that does not fit the
            network.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and format_of(path))
    if not paths:
        raise UsageError(
            f"no images in {folder}; it should hold high-resolution ones "
            f"(--set data.train=DIR, --set data.val=DIR)"
        )
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda path: make_pair(path, recipe), paths))


def make_pair(path: Path, recipe: Recipe) -> Pair:
    """Read a picture and make its low-resolution twin.

    `smaller`: shrunk by antialiased bicubic, as the published test sets are made.
    `same-size`: shrunk so by 2, then enlarged by 2 bilinearly, as the seed report has it.
    With variants in the recipe's degradation, some of `smaller` have been through something else.

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
        return Pair((_enlarged(bicubic(high, 1 / 2)),), high)
    random = np.random.default_rng((recipe.run.seed, zlib.crc32(os.fsencode(path.name))))
    return _pair(high, recipe, random)


def _pair(high: Pixels, recipe: Recipe, random: np.random.Generator) -> Pair:
    high = modcrop(high, recipe.scale)
    return Pair(tuple(_smaller(high, recipe, random)), high)


def _smaller(high: Pixels, recipe: Recipe, random: np.random.Generator) -> Iterator[Pixels]:
    clean = bicubic(high, 1 / recipe.scale)
    if not recipe.degradation.variants:
        yield clean
    for _ in range(recipe.degradation.variants):
        if random.random() < recipe.degradation.clean:
            yield clean
        else:
            yield shrink_badly(high, recipe.scale, recipe.degradation, random)


def _enlarged(image: Pixels) -> Pixels:
    height, width, channels = image.shape
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    large = picture.resize((2 * width, 2 * height), Image.Resampling.BILINEAR)
    return np.asarray(large).reshape(2 * height, 2 * width, channels)


def as_batch(images: list[Pixels]) -> Tensor:
    """Turn uint8 (H, W, C) images of one size into a float32 (N, C, H, W) batch in [0, 1]."""
    batch = np.stack(images).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(batch)).float().div_(255)
