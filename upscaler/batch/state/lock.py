"""One run at a time in an output folder; shards of one cut may share it."""

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from upscaler.batch.plan.listing import Shard
from upscaler.errors import OutputError


def file_name(stem: str, shard: Shard | None, suffix: str = "") -> str:
    """Return the name of a run's own file in the state folder, such as `lock-2-of-4`."""
    part = f"-{shard.number}-of-{shard.count}" if shard else ""
    return f"{stem}{part}{suffix}"


def is_other_shard(path: Path, shard: Shard | None, suffix: str = "") -> bool:
    """Whether a file of that kind belongs to another shard of the same cut."""
    return shard is not None and path.name.endswith(f"-of-{shard.count}{suffix}")


@contextmanager
def hold(folder: Path, shard: Shard | None, holder: int) -> Iterator[None]:
    """Hold a state folder, which is created if need be, for this run.

    Args:
        holder: the process that others are told of.

    Raises:
        OutputError: it cannot be written, or another run holds it.
    """
    with ExitStack() as files:
        own = files.enter_context(_open(folder, file_name("lock", shard)))
        _take(own, fcntl.LOCK_EX, folder)
        for path in folder.glob("lock*"):
            if path.name != Path(own.name).name and not is_other_shard(path, shard):
                with _open(folder, path.name) as other:
                    _take(other, fcntl.LOCK_SH, folder)
        own.truncate(0)
        own.write(f"process {holder} on {platform.node()}".encode())
        own.flush()
        yield


def _take(file: IO[bytes], mode: int, folder: Path) -> None:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file.fileno(), 200, 0).decode(errors="replace") or "unknown"
        raise OutputError(
            f"another run ({holder}) is writing into {folder.parent}; wait for it or end it"
        ) from None


def _open(folder: Path, name: str) -> IO[bytes]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / name).open("ab+")
    except OSError as error:
        raise OutputError(
            f"cannot write into the output folder {folder.parent}: {error.strerror}; "
            f"choose another folder"
        ) from None
