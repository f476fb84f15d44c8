"""From a Picture to a file that appears whole or not at all."""

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from upscaler.errors import PassingError
from upscaler.images.encode import Encoding, encode, encode_strips
from upscaler.images.fit import fit
from upscaler.images.formats import Format
from upscaler.images.picture import Picture

_PREFIX, _SUFFIX = ".upscaler-", ".part"
"""Of the hidden names under which files grow."""


_DEFAULT = Encoding()


_growing: set[Path] = set()
"""Files of this process that have no name yet."""


def drop_unfinished() -> None:
    """Remove what is half-written; for a process that ends before its threads do."""
    for path in list(_growing):
        with suppress(OSError):
            path.unlink()


def sweep(folder: Path) -> None:
    """Remove what a killed run left half-written: whoever still writes holds a lock on it."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
        except OSError:
            continue


def sync_folders(folders: Iterable[Path]) -> None:
    """Bring the names of written files to the disk, so that a power cut does not take them back."""
    for folder in set(folders):
        with suppress(OSError):  # gone, or a file system without such a thing
            number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(number)
            finally:
                os.close(number)


def save_picture(
    picture: Picture,
    path: Path,
    kind: Format,
    encoding: Encoding = _DEFAULT,
) -> tuple[str, ...]:
    """Write `picture` to `path` through a temporary file in the same folder, synced, renamed.

    Returns:
        What the format could not keep, a phrase each.

    Raises:
        PassingError: the file cannot be encoded or written; no trace of it is left.
    """
    fitting = fit(picture.without_metadata() if encoding.strip else picture, kind)
    with _whole_or_not_at_all(path) as file:
        encode(file, fitting, kind, encoding)
    return fitting.warnings[len(picture.warnings) :]


def save_strips(
    frame: Picture,
    strips: Iterable[NDArray[Any]],
    path: Path,
    kind: Format,
    encoding: Encoding = _DEFAULT,
) -> tuple[str, ...]:
    """Write a picture that is never whole in memory, the way `save_picture` does.

    Args:
        frame: all of it but its pixels, cut to what `kind`, a format that is `streamed`, holds.
        strips: its pixels (any height, W, 1 to 4), from top to bottom.

    Returns:
        What the format could not keep, now that the picture is large, a phrase each.

    Raises:
        PassingError: the file cannot be encoded or written; no trace of it is left.
    """
    fitting = fit(frame, kind)
    with _whole_or_not_at_all(path) as file:
        encode_strips(file, fitting, strips, kind, encoding)
    return fitting.warnings[len(frame.warnings) :]


@contextmanager
def _whole_or_not_at_all(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes its name when it is complete, synced, and nothing went wrong."""
    # named before it exists: an interrupt in between must find what to remove
    temporary = path.parent / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    _growing.add(temporary)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _created(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)  # before the lock goes, or a `sweep` could come between
    except (OSError, ValueError) as error:
        raise PassingError(f"cannot write {path}: {_reason(error)}") from None
    finally:
        with suppress(OSError):  # it has its name by now, or never was
            temporary.unlink()
        _growing.discard(temporary)


def _created(path: Path) -> IO[bytes]:
    """Create a file that `sweep` leaves alone, also one of a run beside this one."""
    while True:
        file = path.open("x+b")  # TIFF reads back what it has written
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # swept away before it was locked


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
