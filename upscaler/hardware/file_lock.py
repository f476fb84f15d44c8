"""Locks on open files, and file systems that have none: some network folders, some of FUSE."""

import errno
import fcntl
from pathlib import Path
from typing import IO, Any

_NONE = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What a file system without locks answers."""


def lock(file: IO[Any], *, shared: bool = False, wait: bool = True) -> bool:
    """Lock a file until it is closed; False if its file system has no locks.

    Args:
        shared: with others who do the same.
        wait: until nobody else holds it.

    Raises:
        BlockingIOError: somebody else holds it.
    """
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, mode if wait else mode | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NONE:
            raise
        return False
    return True


def has_locks(path: Path) -> bool:
    """Whether the file system of a file has locks."""
    with path.open("rb") as file:
        try:
            return lock(file, shared=True, wait=False)
        except BlockingIOError:
            return True
