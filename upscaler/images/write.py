"""From a Picture to a file that appears whole or not at all."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from upscaler.errors import PassingError
from upscaler.hardware import system
from upscaler.images.encode import Encoding, encode, encode_strips
from upscaler.images.fit import fit
from upscaler.images.formats import Format
from upscaler.images.picture import Picture

_PREFIX, _SUFFIX = ".upscaler-", ".part"
"""Of the hidden names under which files grow."""


_DEFAULT = Encoding()


@dataclass(frozen=True)
class Written:
    """A file as it was when it took its name."""

    size: int
    """In bytes."""
    mtime_ns: int
    """Nanoseconds since 1970."""
    sha256: str
    """In hexadecimal."""


@dataclass
class Surroundings:
    """What a file has beside its contents: given before it is written, and found out then."""

    mode: int = 0o666
    """Its permissions, of which the process's umask takes away some."""
    times: tuple[int, int] | None = None
    """When it was last read and written, in nanoseconds since 1970; None for the real times."""
    written: Written | None = None
    """What it became; None as long as it is not complete."""


_growing: set[Path] = set()
"""Files of this process that have no name yet."""


def drop_unfinished() -> None:
    """Remove what is half-written; for a process that ends before its threads do."""
    for path in list(_growing):
        with suppress(OSError):
            path.unlink()


def sweep(folder: Path, *, alone: bool = False) -> None:
    """Remove what a killed run left half-written: whoever still writes holds a lock on it.

    Args:
        alone: whether nobody else writes here, so that it goes where there are no locks, too.
    """
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        try:
            with system.open_to_read(path) as file:
                if system.lock(file, wait=False) or alone:
                    path.unlink(missing_ok=True)
        except OSError:
            continue


def sync_folders(folders: Iterable[Path]) -> None:
    """Bring the names of written files to the disk, so that a power cut does not take them back."""
    for folder in set(folders):
        system.sync_folder(folder)


def save_picture(
    picture: Picture,
    path: Path,
    kind: Format,
    encoding: Encoding = _DEFAULT,
    around: Surroundings | None = None,
) -> tuple[str, ...]:
    """Write `picture` to `path` through a temporary file in the same folder, synced, renamed.

    Args:
        around: what the file gets beside its contents, and learns of itself.

    Returns:
        What the format could not keep, a phrase each.

    Raises:
        PassingError: the file cannot be encoded or written; no trace of it is left.
    """
    fitting = fit(picture.without_metadata() if encoding.strip else picture, kind)
    with _whole_or_not_at_all(path, around or Surroundings()) as file:
        encode(file, fitting, kind, encoding)
    return fitting.warnings[len(picture.warnings) :]


def save_strips(
    frame: Picture,
    strips: Iterable[NDArray[Any]],
    path: Path,
    kind: Format,
    encoding: Encoding = _DEFAULT,
    around: Surroundings | None = None,
) -> tuple[str, ...]:
    """Write a picture that is never whole in memory, the way `save_picture` does.

    Args:
        frame: all of it but its pixels, cut to what `kind`, a format that is `streamed`, holds.
        strips: its pixels (any height, W, 1 to 4), from top to bottom.
        around: what the file gets beside its contents, and learns of itself.

    Returns:
        What the format could not keep, now that the picture is large, a phrase each.

    Raises:
        PassingError: the file cannot be encoded or written; no trace of it is left.
    """
    fitting = fit(frame, kind)
    with _whole_or_not_at_all(path, around or Surroundings()) as file:
        encode_strips(file, fitting, strips, kind, encoding)
    return fitting.warnings[len(frame.warnings) :]


@contextmanager
def _whole_or_not_at_all(path: Path, around: Surroundings) -> Iterator[IO[bytes]]:
    """Give a file that takes its name when it is complete, synced, and nothing went wrong."""
    # named before it exists: an interrupt in between must find what to remove
    temporary = path.parent / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    _growing.add(temporary)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _created(temporary, around.mode) as file:
            yield file
            around.written = _complete(file, around.times)
            system.replace(temporary, path)  # before the lock goes, or a `sweep` could come between
    except (OSError, ValueError) as error:
        raise PassingError(f"cannot write {path}: {_reason(error)}") from None
    finally:
        with suppress(OSError):  # it has its name by now, or never was
            temporary.unlink()
        _growing.discard(temporary)


def _complete(file: BufferedRandom, times: tuple[int, int] | None) -> Written:
    """Bring a file to the disk, and say what it holds while that is still in memory."""
    file.flush()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    if times is not None:
        os.utime(file.name, ns=times)
    os.fsync(file.fileno())
    made = os.fstat(file.fileno())
    return Written(made.st_size, made.st_mtime_ns, digest)


def _created(path: Path, mode: int) -> BufferedRandom:
    """Create a file that `sweep` leaves alone, also one of a run beside this one."""
    while True:
        file = system.create(path, mode)  # TIFF reads back what it has written
        system.lock(file)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # swept away before it was locked


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
