"""From rows to what the page shows of them: small copies, sizes, and how much has changed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from upscaler.batch.report import file_size
from upscaler.errors import ImageError
from upscaler.hardware.cpu import cores
from upscaler.images import SmallCopy, kind_of, open_small
from upscaler.page.comparison import Comparison, Row, Version
from upscaler.page.store import Store

_SIDE = 384
"""Of the square that small copies fit, in pixels: twice what the page shows, for fine screens."""


Entry = dict[str, Any]
"""What the page shows of a row."""


@dataclass(frozen=True)
class _Seen:
    """A version that was looked at."""

    small: SmallCopy
    facts: dict[str, Any]
    """For the page."""


def entries_of(comparison: Comparison, store: Store) -> Iterator[Entry]:
    """Yield what the page shows of each row, in order; rows are looked at side by side.

    What cannot be read is said in its place.
    """
    with ThreadPool(cores()) as threads:
        yield from threads.imap(lambda item: _entry(*item, store), enumerate(comparison.rows), 4)


def _entry(number: int, row: Row, store: Store) -> Entry:
    seen: list[_Seen | None] = []
    problems = [row.problem] if row.problem else []
    for place, version in enumerate(row.versions):
        if version is None:
            seen.append(None)
            continue
        try:
            seen.append(_look(version, f"{number:05d}-{place}", store))
        except ImageError as error:
            seen.append(None)
            if not row.problem:
                problems.append(f"{version.path.name}: {error}")
    first, *others = seen
    made = next(filter(None, others), None)
    for one in filter(None, others):
        one.facts["facts"] += _compared(first.small if first else None, one.small)
    entry: Entry = {"name": row.name, "versions": [one and one.facts for one in seen]}
    if shown := made or first:
        entry["thumb"] = store.small(f"{number:05d}", shown.small.image)
    if problems:
        entry["problem"] = "; ".join(problems)
    if first and made:
        entry["change"] = round(_change(first.small.image, made.small.image), 2)
    return entry


def _look(version: Version, name: str, store: Store) -> _Seen:
    small, kind = open_small(version.path, _SIDE), kind_of(version.path)
    size = f"{small.width} x {small.height}, {file_size(version.path.stat().st_size)}"
    facts = [["size", size], *map(list, version.facts)]
    if small.frames > 1:
        facts.append(["frames", f"{small.frames}; the first is shown"])
    shown: dict[str, Any] = {
        "file": version.path.name,
        "url": store.whole(name, version.path, kind, small.width, small.height),
        "width": small.width,
        "height": small.height,
        "facts": facts,
    }
    if version.warnings:
        shown["warnings"] = list(version.warnings)
    return _Seen(small, shown)


def _compared(before: SmallCopy | None, after: SmallCopy) -> list[list[str]]:
    """Return how much larger a picture is, and what of the file's other contents it keeps."""
    if before is None:
        return []
    facts = [["larger", f"{after.width / before.width:.3g} times as wide"]]
    kept = [what for what in before.carried if what in after.carried]
    lost = [what for what in before.carried if what not in after.carried]
    facts += [["kept", ", ".join(kept)]] if kept else []
    facts += [["not kept", ", ".join(lost)]] if lost else []
    return facts


def _change(before: Image.Image, after: Image.Image) -> float:
    """Return how far small copies differ, in percent of the range: the root of the mean square."""
    size = (min(before.width, after.width), min(before.height, after.height))
    one, other = (
        np.asarray(_opaque(image).resize(size, Image.Resampling.BOX), np.float32)
        for image in (before, after)
    )
    return float(np.sqrt(np.mean((one - other) ** 2))) / 2.55


def _opaque(image: Image.Image) -> Image.Image:
    """Return a picture as it looks on grey: colours that nobody sees do not count."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    grey = Image.new("RGBA", image.size, "grey")
    return Image.alpha_composite(grey, image.convert("RGBA")).convert("RGB")


def natural(name: str) -> list[Any]:
    """Return a key by which `a2` comes before `a10`."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.lower())]


def is_small(comparison: Comparison, most_bytes: int) -> bool:
    """Whether all pictures together have no more bytes."""
    paths: list[Path] = [each.path for row in comparison.rows for each in row.versions if each]
    total = 0
    for path in paths:
        total += path.stat().st_size if path.is_file() else 0
        if total > most_bytes:
            return False
    return True
