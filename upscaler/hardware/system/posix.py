"""What Linux and macOS do; light, as a run waits for it."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import stat
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from io import BufferedRandom, BufferedReader
from subprocess import Popen
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

    Stoppable = Popen[bytes] | Process

CUDA, NVML, CUDNN = "libcuda.so.1", "libnvidia-ml.so.1", "libcudnn.so.9"
ONNXRUNTIME_CUDA = "libonnxruntime_providers_cuda.so"
VULKAN = None if sys.platform == "darwin" else "libvulkan.so.1"
"""The files of libraries; None where the system has another way to a GPU."""

SQLITE_WITHOUT_LOCKS = "unix-none"
"""How SQLite calls this system's files when it shall not lock them."""

ENDING = (signal.SIGINT, signal.SIGTERM)
"""Signals by which a person or the system ends a program."""

_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What a file system without locks answers: some network folders, some of FUSE."""

_CRASHES = {
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT),
    *(signal.SIGSYS, signal.SIGTRAP, signal.SIGKILL),
}
"""Signals by which a process ends that nobody wanted to end."""

_BY_SIGNAL = 128
"""What the exit codes of a process that a signal ended are made of."""

_DEVICES = "/dev"
_CLEAR_PEAK = b"5"


# files


def open_to_read(path: Path) -> BufferedReader:
    """Open a file, or what may turn out to be a pipe, without waiting for somebody who writes."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(number, "rb")


def create(path: Path, mode: int) -> BufferedRandom:
    """Create a file that may be renamed and removed while it is open; for writing and reading.

    Args:
        mode: its permissions, of which the umask takes away some.

    Raises:
        FileExistsError: it is there.
    """
    return open(path, "x+b", opener=partial(os.open, mode=mode))


def replace(path: Path, target: Path) -> None:
    """Give a file its name, in place of what has it."""
    os.replace(path, target)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    with suppress(OSError):  # gone, or a file system without such a thing
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


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
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


def refused_names(paths: Iterable[Path], folder: Path) -> dict[Path, str]:
    """Return which paths below a folder files cannot have, with what is wrong with each name.

    Args:
        folder: which need not be there yet.
    """
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    limit = os.pathconf(there, "PC_NAME_MAX")
    long = [path for path in paths if len(os.fsencode(path)) > limit]  # few, if any
    lengths = {path: _longest(path.relative_to(folder)) for path in long}
    return {
        path: f"would have {length} bytes, and the file system takes {limit}"
        for path, length in lengths.items()
        if length > limit
    }


def _longest(path: Path) -> int:
    return max(len(os.fsencode(part)) for part in path.parts)


def others_may_write(folder: Path) -> bool:
    """Whether a folder belongs to another user, or others may write into it."""
    facts = folder.stat()
    return facts.st_uid != os.getuid() or bool(facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


# the machine


def processor() -> str:
    """Return the CPU's name as the system tells it, in words."""
    import platform

    try:
        lines = _lines("/proc/cpuinfo")
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def installed_memory_bytes() -> int:
    """Return how much memory the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_memory_bytes() -> int:
    """Return how much memory of the machine is free, as the system judges it."""
    try:
        lines = _lines("/proc/meminfo")
        return 1024 * next(int(line.split()[1]) for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        return installed_memory_bytes()


def resident_bytes() -> int:
    """Return the resident size of this process; 0 where the system does not say it."""
    try:
        pages = int(_lines("/proc/self/statm")[0].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_memory_bytes() -> int:
    """Return the largest resident size that this process has had."""
    try:
        lines = _lines("/proc/self/status")
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        # not the first choice: on Linux it counts the process that this one was forked from
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak


def forget_peak_memory() -> bool:
    """Let `peak_memory_bytes` count from now; False where that cannot be."""
    try:
        with open("/proc/self/clear_refs", "wb") as file:  # noqa: PTH123 - see `_lines`
            file.write(_CLEAR_PEAK)
    except OSError:  # not Linux, or not allowed
        return False
    return True


def gpu_may_be_here() -> bool:
    """Whether it is worth asking for a GPU: quick, and no driver is loaded for it."""
    if sys.platform != "linux":
        return True
    from pathlib import Path

    return any(True for pattern in ("dri/renderD*", "dxg") for _ in Path(_DEVICES).glob(pattern))


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - `pathlib` takes long to load
        return file.read().splitlines()


# processes


def is_running(process: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    return True


def start(command: Sequence[str], pipes: Sequence[int], variable: str) -> Popen[bytes]:
    """Start a process that takes over pipes, and hears of signals by `interrupt`.

    Args:
        pipes: file descriptors, which are this process's to close.
        variable: of its environment, for `taken_over`.
    """
    environment = {**os.environ, variable: ",".join(map(str, pipes))}
    return Popen(command, pass_fds=pipes, env=environment)


def taken_over(value: str) -> list[int]:
    """Return the descriptors of the pipes that a process took over, by `start`'s variable."""
    return list(map(int, value.split(",")))


def interrupt(process: Popen[bytes], number: int) -> None:
    """Send a process of `start` a signal, if it does not have it from the terminal."""
    process.send_signal(number)


def stop(process: Stoppable) -> None:
    """Have a command of ours end in order, as Ctrl-C does."""
    process.send_signal(signal.SIGINT)


def crash(code: int) -> str:
    """Return what crashed or killed a process by its exit code, such as `SIGSEGV`, or nothing."""
    return signal.Signals(-code).name if -code in _CRASHES else ""


def exit_code(code: int) -> int:
    """Return the code with which to end as a child did."""
    return code if code >= 0 else _BY_SIGNAL - code


def died_by(code: int) -> str:
    """Return what ended a process that did not end by itself, in the words after `ended`."""
    return f"by {signal.Signals(-code).name}" if code < 0 else ""


def limit_memory(limit: int) -> None:
    """Let this process take so many bytes of address space and no more, on Linux."""
    with suppress(ValueError, OSError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def limit_work(seconds: float) -> None:
    """Let this process end after so many seconds of work of all cores; 0 for never."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def worked_too_long(code: int) -> bool:
    """Whether a process ended by `limit_work`."""
    return code == -signal.SIGPROF


def allow_escapes() -> None:
    """Let the terminal understand escape sequences, as all do here."""
