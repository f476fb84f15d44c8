"""How a file is known again: by size and time, and where it matters by its contents."""

import hashlib
from pathlib import Path
from typing import NamedTuple


class Stamp(NamedTuple):
    """What changes when a file is written."""

    size: int
    """In bytes."""
    mtime_ns: int
    """Nanoseconds since 1970."""


def stamp(path: Path) -> Stamp | None:
    """Return a file's stamp, None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Stamp(found.st_size, found.st_mtime_ns)


def contents(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal, empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # whoever reads it for its pixels will say why
        return ""
