"""Whether a file has changed: by size and time, and where it matters by its contents."""

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

from upscaler.hardware import system


class FileStamp(NamedTuple):
    """What changes when a file is written."""

    size: int
    """In bytes."""
    mtime_ns: int
    """Nanoseconds since 1970."""


class Stamps(NamedTuple):
    """Of an input and its output."""

    input: FileStamp
    output: FileStamp


def file_stamp(path: Path) -> FileStamp | None:
    """Return a file's stamp, None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return FileStamp(found.st_size, found.st_mtime_ns)


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal, empty if it cannot be read or is no file."""
    try:
        with system.open_to_read(path) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return ""
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # whoever reads it for its pixels will say why
        return ""


def sha256_as_stamped(path: Path, stamp: FileStamp | None) -> str:
    """Return the sha256 of a file that is as it was when it got its stamp, else nothing."""
    digest = file_sha256(path)
    return digest if stamp is not None and file_stamp(path) == stamp else ""
