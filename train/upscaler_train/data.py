"""Pairs of images for training: the high-resolution picture and its small twin."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from upscaler.errors import ImageError, UsageError
from upscaler.images import format_of, open_picture
from upscaler.metrics import bicubic, modcrop


@dataclass(frozen=True)
class Pair:
    """One picture twice; uint8 RGB (H, W, 3), `high` exactly `scale` times `low`."""

    low: NDArray[np.uint8]
    high: NDArray[np.uint8]


def make_pair(path: Path, scale: int) -> Pair:
    """Read a picture and shrink it by antialiased bicubic, as the published test sets are made.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        high = modcrop(open_picture(path).rgb, scale)
    except ImageError as error:
        raise UsageError(f"{path}: {error}; take it out") from None
    return Pair(low=bicubic(high, 1 / scale), high=high)


def load_pairs(folder: Path, scale: int) -> list[Pair]:
    """Read every image below `folder`, in the order of their names.

    Raises:
        UsageError: there is no image.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and format_of(path))
    if not paths:
        raise UsageError(
            f"no images in {folder}; give the folder of high-resolution "
            f"images with --set data.train=DIR and --set data.val=DIR"
        )
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda path: make_pair(path, scale), paths))


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
        self.random = np.random.default_rng(seed)

    def _sizes(self) -> Iterator[tuple[int, int]]:
        return ((pair.low.shape[0], pair.low.shape[1]) for pair in self._pairs)

    def __len__(self) -> int:
        """How many pictures are large enough to be used."""
        return len(self._pairs)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return low (N, 3, patch, patch) and high (N, 3, patch*scale, ...), float32 in [0, 1]."""
        chosen = self.random.choice(len(self._pairs), self._batch, p=self._likelihood)
        cuts = [self._cut(self._pairs[index]) for index in chosen]
        low, high = (np.stack(side).transpose(0, 3, 1, 2) for side in zip(*cuts, strict=True))
        return _to_float(low), _to_float(high)

    def _cut(self, pair: Pair) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        patch, scale = self._patch, self._scale
        top = int(self.random.integers(pair.low.shape[0] - patch + 1))
        left = int(self.random.integers(pair.low.shape[1] - patch + 1))
        low = pair.low[top : top + patch, left : left + patch]
        high = pair.high[scale * top :, scale * left :][: scale * patch, : scale * patch]
        turns, flip = int(self.random.integers(4)), bool(self.random.integers(2))
        channels = self.random.permutation(3)
        return _augment(low, turns, flip, channels), _augment(high, turns, flip, channels)


def _augment(
    image: NDArray[np.uint8], turns: int, flip: bool, channels: NDArray[np.int64]
) -> NDArray[np.uint8]:
    image = np.rot90(image, turns)
    return (image[:, ::-1] if flip else image)[..., channels]


def _to_float(batch: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(batch)).float().div_(255)
