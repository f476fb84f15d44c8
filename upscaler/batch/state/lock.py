"""One run at a time in an output folder; shards of one cut may share it."""

import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from upscaler.batch.plan.listing import Shard
from upscaler.errors import OutputError
from upscaler.hardware import system

_RUNNING = "running"
"""The stem of the files that stand for locks where there are none."""


def file_name(stem: str, shard: Shard | None, suffix: str = "") -> str:
    """Return the name of a run's own file in the state folder, such as `lock-2-of-4`."""
    part = f"-{shard.number}-of-{shard.count}" if shard else ""
    return f"{stem}{part}{suffix}"


def is_other_shard(path: Path, shard: Shard | None, suffix: str = "") -> bool:
    """Whether a file of that kind belongs to another shard of the same cut."""
    return shard is not None and path.name.endswith(f"-of-{shard.count}{suffix}")


@contextmanager
def hold(folder: Path, shard: Shard | None, holder: int) -> Iterator[bool]:
    """Hold a state folder, which is created if need be, for this run.

    Args:
        holder: the process that others are told of.

    Yields:
        Whether its file system has locks. Else a file that is there as long as the run stands
        for one.

    Raises:
        OutputError: it cannot be written, or another run holds it.
    """
    with ExitStack() as files:
        own = files.enter_context(_open(folder, file_name("lock", shard)))
        locked = _take(own, folder, shared=False)
        if not locked:
            files.enter_context(_held_by_name(folder, shard, holder))
        for path in _others(folder, "lock", shard) if locked else ():
            with _open(folder, path.name) as other:
                _take(other, folder, shared=True)
        own.truncate(0)
        own.write(_words(holder).encode())
        own.flush()
        yield locked


def _take(file: IO[bytes], folder: Path, *, shared: bool) -> bool:
    try:
        return system.lock(file, shared=shared, wait=False)
    except BlockingIOError:
        file.seek(0)
        holder = file.read(200).decode(errors="replace")
        raise _busy(folder, holder, "wait for it or end it") from None


@contextmanager
def _held_by_name(folder: Path, shard: Shard | None, holder: int) -> Iterator[None]:
    """Hold a folder by a file of which there can be only one."""
    own = folder / file_name(_RUNNING, shard)
    if holder != os.getpid() and _read(own) == _words(holder):
        own.unlink()  # of an earlier process of this run
    for path in [own, *_others(folder, _RUNNING, shard)]:
        _forget_if_over(path, folder)
    try:
        with own.open("x", encoding="utf-8") as file:
            file.write(_words(holder))
    except FileExistsError:  # another run came first by a moment
        _forget_if_over(own, folder)
        raise _busy(folder, "", "run again when it has ended") from None
    try:
        yield
    finally:
        own.unlink(missing_ok=True)


def _forget_if_over(path: Path, folder: Path) -> None:
    """Remove what a killed run of this machine left; raise OutputError if it may be running."""
    holder = _read(path)
    if holder is None:
        return
    process, _, node = holder.removeprefix("process ").partition(" on ")
    if node != platform.node() or not process.isdecimal() or system.is_running(int(process)):
        raise _busy(folder, holder, f"wait for it or end it; if it is over, remove {path}")
    path.unlink(missing_ok=True)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _others(folder: Path, stem: str, shard: Shard | None) -> list[Path]:
    """Return the files of runs that exclude this one."""
    own = file_name(stem, shard)
    found = folder.glob(f"{stem}*")
    return [path for path in found if path.name != own and not is_other_shard(path, shard)]


def _words(process: int) -> str:
    return f"process {process} on {platform.node()}"


def _busy(folder: Path, holder: str, advice: str) -> OutputError:
    who = holder or "unknown"
    return OutputError(f"another run ({who}) is writing into {folder.parent}; {advice}")


def _open(folder: Path, name: str) -> IO[bytes]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / name).open("ab+")
    except OSError as error:
        raise OutputError(
            f"cannot write into the output folder {folder.parent}: {error.strerror}; "
            f"choose another folder"
        ) from None
