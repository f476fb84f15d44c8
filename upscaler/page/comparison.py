"""What is compared: a row for each picture, with what several programs or models made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Facts = tuple[tuple[str, str], ...]
"""Pairs of a name and a value, for people."""


@dataclass(frozen=True)
class Version:
    """One form of a picture: the original, or what was made of it."""

    path: Path
    facts: Facts = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Row:
    """One picture in all its forms."""

    name: str
    versions: Sequence[Version | None]
    """The original first; None for one that is not there."""
    problem: str = ""
    """Why something is not there."""


@dataclass(frozen=True)
class Comparison:
    """All pictures of a page."""

    title: str
    columns: Sequence[str]
    """What the versions are called, the original first."""
    rows: Sequence[Row]
    summary: Sequence[str] = ()
    """What there is to say of all together, a phrase each."""
