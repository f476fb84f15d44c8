"""Pairs of images for training: each picture in high and in low resolution."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from upscaler import Upscaler
from upscaler.errors import UsageError
from upscaler.images import images_in, open_reference
from upscaler.quality.metrics import bicubic, modcrop
from upscaler_train.data.degrade import degraded
from upscaler_train.data.stripes import striped
from upscaler_train.recipe import Recipe

Pixels = NDArray[np.uint8]

Batch = tuple[Tensor, Tensor]
"""Low and high, float32 (N, C, H, W) in [0, 1]."""

_FLAT_SIDE = 256
_BEYOND = 32
"""Of 255: how far beyond black and white the colours of flat pictures are drawn."""


@dataclass(frozen=True)
class Pair:
    """One picture twice; uint8 (H, W, channels), `high` exactly `scale` times as large."""

    low: Pixels
    high: Pixels


@dataclass(frozen=True)
class Dataset:
    """What a training sees, and what watches it."""

    train: list[Pair]
    val: list[Pair]


def load_dataset(recipe: Recipe) -> Dataset:
    """Read both folders of a recipe.

    Raises:
        UsageError, ModelError: see `load_pairs`, `ready_pairs`, `striped` and `taught`.
    """
    data = recipe.data
    train = _either(data.pairs, data.train, recipe)
    if data.stripes:
        train += striped_pairs([pair.high for pair in train], recipe)
    train += flat_pairs(recipe)
    if data.teacher:
        train = taught(train, recipe)
    val = _either(data.val_pairs, data.val, recipe)
    if recipe.degradation.acts and not data.val_pairs:
        val = _watched(val, recipe)
    return Dataset(train, val)


def _either(pairs: str, pictures: str, recipe: Recipe) -> list[Pair]:
    return ready_pairs(Path(pairs), recipe) if pairs else load_pairs(Path(pictures), recipe)


def _watched(pairs: list[Pair], recipe: Recipe) -> list[Pair]:
    """Degrade whole pictures as patches are, each always in the same way."""
    return [
        Pair(degraded(pair.high, pair.low, recipe.degradation, _random(recipe, number)), pair.high)
        for number, pair in enumerate(pairs)
    ]


def _random(recipe: Recipe, number: int) -> np.random.Generator:
    return np.random.default_rng((recipe.run.seed, number))


def ready_pairs(folder: Path, recipe: Recipe) -> list[Pair]:
    """Read pairs that lie in `low/` and `high/` under the same names.

    Larger ones than the recipe's scale asks for are shrunk by antialiased bicubic.

    Raises:
        UsageError: there is none, half of one is missing or cannot be read, or the small picture
            is too small.
    """
    names = [path.name for path in sorted((folder / "low").glob("*.png"))]
    if not names:
        raise UsageError(f"no pairs in {folder}; it should hold PNG files in low/ and high/")
    return [_ready_pair(folder, name, recipe.scale) for name in names]


def _ready_pair(folder: Path, name: str, scale: int) -> Pair:
    low, high = (open_reference(folder / side / name) for side in ("low", "high"))
    ratio, rest = divmod(high.shape[0], low.shape[0])
    if rest or high.shape[1] != ratio * low.shape[1] or ratio < scale:
        raise UsageError(f"{folder}: high/{name} is not {scale} or more times as large as low/")
    return Pair(low, high if ratio == scale else bicubic(high, scale / ratio))


def flat_pairs(recipe: Recipe) -> list[Pair]:
    """Make as many pictures of one colour as the recipe says, the same ones for the same seed.

    Half of them are grey; black and white come often, as they do in photographs.
    """
    random = np.random.default_rng(recipe.run.seed)
    pairs = []
    for number in range(recipe.data.flat):
        colour = random.integers(-_BEYOND, 256 + _BEYOND, 3).clip(0, 255)
        picture = np.empty((_FLAT_SIDE, _FLAT_SIDE, 3), np.uint8)
        picture[:] = colour[0] if number % 2 else colour
        pairs.append(_pair(picture, recipe))
    return pairs


def striped_pairs(photographs: list[Pixels], recipe: Recipe) -> list[Pair]:
    """Make as many pictures with stripes as the recipe says, the same ones for the same seed.

    Raises:
        UsageError: no photograph is large enough.
    """
    random = np.random.default_rng(recipe.run.seed)
    pictures = striped(photographs, recipe.data.stripes, random)
    return [_pair(picture, recipe) for picture in pictures]


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
        return Pair(pair.low, np.rint(target).astype(np.uint8))

    return [mixed(pair) for pair in pairs]


def load_pairs(folder: Path, recipe: Recipe) -> list[Pair]:
    """Read every image below `folder`, in the order of their names.

    Raises:
        UsageError: there is no image, one that cannot be read, or one that does not fit the
            network.
    """
    paths = pictures(folder)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda path: make_pair(path, recipe), paths))


def pictures(folder: Path) -> list[Path]:
    """Return every image below `folder`, in the order of their names.

    Raises:
        UsageError: there is none.
    """
    paths = images_in(folder, below=True) if folder.is_dir() else []
    if not paths:
        raise UsageError(
            f"no images in {folder}; it should hold high-resolution ones "
            f"(--set data.train=DIR, --set data.val=DIR)"
        )
    return paths


def make_pair(path: Path, recipe: Recipe) -> Pair:
    """Read a picture and make its low-resolution picture.

    `smaller`: shrunk by antialiased bicubic, as the published test sets are made.
    `same-size`: shrunk so by 2, then enlarged by 2 bilinearly, as the seed report has it.

    Raises:
        UsageError: it cannot be read, or the network takes pictures of another size only.
    """
    high: Pixels = open_reference(path)
    if recipe.data.grey:
        high = np.asarray(Image.fromarray(high).convert("L"))[..., None]
    size = getattr(recipe.network, "size", None)
    if size and high.shape[:2] != (size, size):
        raise UsageError(
            f"{path} has {high.shape[1]}x{high.shape[0]} pixels, the network takes {size}x{size}"
        )
    if recipe.data.low == "same-size":
        high = modcrop(high, 2)
        return Pair(_enlarged(bicubic(high, 1 / 2)), high)
    return _pair(high, recipe)


def _pair(high: Pixels, recipe: Recipe) -> Pair:
    high = modcrop(high, recipe.scale)
    return Pair(bicubic(high, 1 / recipe.scale), high)


def _enlarged(image: Pixels) -> Pixels:
    height, width, channels = image.shape
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    large = picture.resize((2 * width, 2 * height), Image.Resampling.BILINEAR)
    return np.asarray(large).reshape(2 * height, 2 * width, channels)


def as_batch(images: list[Pixels]) -> Tensor:
    """Turn uint8 (H, W, C) images of one size into a float32 (N, C, H, W) batch in [0, 1]."""
    batch = np.stack(images).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(batch)).float().div_(255)
