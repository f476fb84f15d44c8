"""One picture, or the part of it with the most detail, through several models."""

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.batch.plan.listing import list_images
from upscaler.batch.report import duration
from upscaler.errors import ImageError, UsageError
from upscaler.images import FORMATS, Picture, save_picture, upright_size
from upscaler.inference.look import look_at
from upscaler.models import packaged_models
from upscaler.models.catalogue import CLEAN_MODEL, RESTORERS
from upscaler.models.facts import PURPOSES
from upscaler.models.restoration import restoration_for
from upscaler.page.comparison import Comparison, Row, Version
from upscaler.upscaler import Upscaler

Crop = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""

SIDE = 320
"""Of the part that is tried of a larger picture, in pixels."""

_BLOCK = 16
"""In steps of so many pixels the part with the most detail is looked for."""

_LEAST = 10_000
"""Pixels of a part from which on its time says something of larger pictures."""


@dataclass(frozen=True)
class Folder:
    """The pictures for which a model is chosen."""

    path: Path
    files: int
    pixels: int
    """Of all of them."""


@dataclass(frozen=True)
class Tried:
    """What a model made of a part."""

    model: str
    made: Picture
    seconds: float
    """For the part, as one of many, while all cores are busy; the network and what is about it."""
    folder_seconds: float | None
    """For all pictures of the folder; None if the part is too small to tell."""
    purpose: str
    """What the model is for; empty for one from outside."""


def most_detail(picture: Picture, side: int = SIDE) -> Crop:
    """Return where a picture has the most detail: the strongest edges, all together."""
    width, height = min(side, picture.width), min(side, picture.height)
    if (width, height) == (picture.width, picture.height):
        return 0, 0, width, height
    grey = picture.colour.astype(np.float32).mean(axis=2)
    if picture.alpha is not None and not picture.alpha_is_data:
        grey = grey * (picture.alpha[..., 0] > 0)
    edges = np.abs(np.diff(grey, axis=0))[:, :-1] + np.abs(np.diff(grey, axis=1))[:-1]
    # a few hard edges are no detail: each counts by its root
    sums = np.pad(np.sqrt(edges).cumsum(axis=0, dtype=np.float64).cumsum(axis=1), ((1, 0), (1, 0)))
    tops, lefts = _steps(picture.height, height), _steps(picture.width, width)
    best = _inside(sums, tops, lefts, height, width).argmax()
    row, column = np.unravel_index(best, (len(tops), len(lefts)))
    return int(lefts[column]), int(tops[row]), width, height


def _steps(whole: int, part: int) -> NDArray[np.int64]:
    return np.append(np.arange(0, whole - part, _BLOCK), whole - part)


def _inside(sums: NDArray[Any], tops: Any, lefts: Any, height: int, width: int) -> NDArray[Any]:
    """Return the sums inside the windows at all tops and lefts; from sums above and to the left."""
    bottoms = np.minimum(tops + height, len(sums) - 1)[:, None]
    rights = np.minimum(lefts + width, sums.shape[1] - 1)
    tops = tops[:, None]
    below = sums[bottoms, rights] - sums[bottoms, lefts]
    found: NDArray[Any] = below - sums[tops, rights] + sums[tops, lefts]
    return found


def cut(picture: Picture, crop: Crop) -> Picture:
    """Return a part of a picture, of an animation of its first frame.

    Raises:
        UsageError: it is not in the picture.
    """
    left, top, width, height = crop
    if left + width > picture.width or top + height > picture.height:
        raise UsageError(
            f"the crop {','.join(map(str, crop))} does not lie in the picture, which has "
            f"{picture.width}x{picture.height} pixels"
        )
    part = slice(top, top + height), slice(left, left + width)
    alpha = None if picture.alpha is None else picture.alpha[part]
    size = (height, width)
    return replace(picture, colour=picture.colour[part], alpha=alpha, following=(), read_size=size)


def folder_of(path: Path) -> Folder:
    """Return the folder of a picture, with the pixels of all that a run would do."""
    folder = path.absolute().parent
    files = pixels = 0
    for file in list_images(folder, folder / "none").files:
        try:
            pixels += upright_size(folder / file).pixels
        except ImageError:  # a run will say why
            continue
        files += 1
    return Folder(folder, files, pixels)


def models_for(others: Sequence[str]) -> list[str]:
    """Return the names of the packaged models, and of others that a person names."""
    names = [model.spec.name for model in packaged_models()]
    return list(dict.fromkeys([*sorted(names, key=list(PURPOSES).index), *others]))


def taken_by_auto(picture: Picture) -> tuple[str, str]:
    """Return which model `auto` would take for a picture, and why."""
    found = restoration_for(look_at(picture))
    return RESTORERS[CLEAN_MODEL] if found.strength else CLEAN_MODEL, found.reason


def tries(part: Picture, names: Sequence[str], scale: float, folder: Folder) -> Iterator[Tried]:
    """Yield what each model makes of a part of a picture.

    Raises:
        StartError: a model or its runtime cannot be used.
    """
    for name in names:
        with Upscaler(name, scale=scale) as upscaler:
            seconds, made = _timed(upscaler, part)
            if seconds < 1:  # the first time is slower
                seconds, made = _timed(upscaler, part)
        pixels = part.width * part.height
        whole = folder.pixels / pixels * seconds if pixels >= _LEAST else None
        yield Tried(name, made, seconds, whole, PURPOSES.get(name, ""))


def _timed(upscaler: Upscaler, part: Picture) -> tuple[float, Picture]:
    """Return the seconds for a part where as many are done as keep all cores busy, and a result."""
    began = time.perf_counter()
    works = [upscaler.begin(part)]
    tiles = max(1, len(works[0].tiles))  # a flat picture has none to compute
    works += [upscaler.begin(part) for _ in range(math.ceil(upscaler.threads / tiles) - 1)]
    with ThreadPoolExecutor(upscaler.threads) as pool:
        for _ in pool.map(lambda run: run(), [run for work in works for run in work.tiles]):
            pass
        results = list(pool.map(lambda work: work.finish(), works))
    return (time.perf_counter() - began) / len(works), results[0]


def comparison_of(
    path: Path,
    part: Picture,
    tried: Sequence[Tried],
    folder: Folder,
    auto: tuple[str, str],
    drafts: Path,
) -> Comparison:
    """Return what the page shows.

    Args:
        auto: see `taken_by_auto`.
        drafts: a folder for files until the page is written.
    """
    whole = f"for {folder.files} image{'s' * (folder.files != 1)}"
    original = drafts / "original.png"
    save_picture(part.without_metadata(), original, FORMATS["png"])
    versions = [Version(original)]
    for number, one in enumerate(tried):
        file = drafts / f"{number}.png"
        save_picture(one.made.without_metadata(), file, FORMATS["png"])
        facts = [("for", one.purpose)] if one.purpose else []
        facts += [("time", seconds_in_words(one.seconds))]
        if one.folder_seconds is not None:
            facts += [("folder", f"about {duration(math.ceil(one.folder_seconds))} {whole}")]
        facts += [("auto", f"takes this one: {auto[1]}")] if one.model == auto[0] else []
        versions.append(Version(file, tuple(facts), one.made.warnings))
    columns = ["original", *(one.model for one in tried)]
    summary = [f"{part.width} x {part.height} pixels of it, through {len(tried)} models"]
    return Comparison(path.name, columns, [Row(path.name, versions)], summary)


def seconds_in_words(seconds: float) -> str:
    """Return a short time with two digits that count."""
    return f"{seconds:.2f} s" if seconds < 10 else duration(seconds)
