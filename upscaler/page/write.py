"""The page itself: one HTML file with its style, its program and its data; no server is needed."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from upscaler.errors import OutputError, UsageError
from upscaler.page.album import Entry, entries_of, is_small, natural
from upscaler.page.comparison import Comparison
from upscaler.page.store import Beside, Inside, Store

_MOST_INSIDE = 24_000_000
"""Bytes of pictures that go into the page itself, so that it is one file to send."""

_PROGRAM = ("common.js", "page.js", "viewer.js", "input.js")
"""Its parts, in order."""


def expect_page(path: Path) -> None:
    """Refuse what can be no page; for before the work, which would else end without one.

    Raises:
        UsageError: its name is not that of a page.
        OutputError: its folder cannot be made.
    """
    if path.suffix.lower() not in (".html", ".htm") or path.is_dir():
        raise UsageError(f"{path} is no name of a page; give one such as page.html")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write the page {path}: {error.strerror}") from None


def write_page(
    comparison: Comparison,
    path: Path,
    *,
    inside: bool | None = None,
    watched: Callable[[Iterable[Entry]], Iterable[Entry]] = lambda entries: entries,
) -> int:
    """Write a page, and beside it a folder with small pictures if there are many.

    Args:
        inside: whether all pictures go into the page itself; by default few do.
        watched: passes on what the page shows of each picture, one after the other as they are
            looked at, and may show how far that is.

    Returns:
        How many pictures could not be shown, or failed.

    Raises:
        UsageError, OutputError: it cannot be written there.
    """
    expect_page(path)
    if inside is None:
        inside = is_small(comparison, _MOST_INSIDE)
    store: Store = Inside() if inside else Beside(path)
    entries = list(watched(entries_of(comparison, store)))
    try:
        path.write_text(page(comparison, entries), encoding="utf-8", errors="replace")
    except OSError as error:
        raise OutputError(f"cannot write the page {path}: {error.strerror}") from None
    return sum("problem" in entry for entry in entries)


def page(comparison: Comparison, entries: Sequence[Entry]) -> str:
    """Return the page: HTML that asks nothing of any server."""
    data = {
        "title": comparison.title,
        "columns": list(comparison.columns),
        "summary": list(comparison.summary),
        "entries": sorted(entries, key=lambda entry: natural(entry["name"])),
    }
    style, program = part("page.css"), "".join(map(part, _PROGRAM))
    # the only things that it may load; names of files are data, whatever they look like
    policy = (
        f"default-src 'none'; img-src 'self' file: data:; style-src '{digest(style)}'; "
        f"script-src '{digest(program)}'; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": html.escape(policy),
        "style": style,
        "title": html.escape(comparison.title),
        "viewer": part("viewer.html"),
        "data": as_data(data),
        "program": program,
    }
    return fill(part("page.html"), parts)


def fill(template: str, parts: Mapping[str, str]) -> str:
    """Put parts in the places of a template that are called `{{name}}`; once, not in each other."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)


def as_data(data: object) -> str:
    """Return JSON that may stand in HTML: no text in it ends the element that it is in."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def part(name: str) -> str:
    """Return a part of a page, a file of this package."""
    return files("upscaler.page").joinpath(name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """Return what a policy calls a program or a style that it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
