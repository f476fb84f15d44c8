"""Folders of the program outside any run: what it may keep, so that it need not be made again."""

import os
import threading
from pathlib import Path

import platformdirs

from upscaler.errors import OutputError, StartError
from upscaler.hardware import system


def cache_folder(name: str) -> Path:
    """Return a folder below the platform's cache folder that only this user can write into.

    What lies in it may be deleted at any time.

    Raises:
        StartError: the folder belongs to another user, or others may write into it.
        OutputError: it cannot be created.
    """
    return private(Path(platformdirs.user_cache_dir("upscaler")) / name)


def private(folder: Path) -> Path:
    """Make a folder that only this user can write into, or see that it is one; see above."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shared = system.others_may_write(folder)
    except OSError as error:
        raise OutputError(f"cannot use the folder {folder}: {error.strerror}") from None
    if shared:
        raise StartError(f"others may write into {folder}; chmod go-w it, or delete it")
    return folder


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that only this user can read: whole, down to the disk, or not at all.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        system.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
