"""What Windows does in another way: see `posix` for what each name means."""

import ctypes
import msvcrt
import os
import signal
import subprocess
import sys
import threading
import time
import winreg
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ctypes import wintypes
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from upscaler.hardware.system.windows_names import refused, units

assert sys.platform == "win32"  # or a type checker elsewhere would look for what is only there

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    Stoppable = subprocess.Popen[bytes] | Process

CUDA, NVML, CUDNN = "nvcuda.dll", "nvml.dll", "cudnn64_9.dll"
ONNXRUNTIME_CUDA = "onnxruntime_providers_cuda.dll"
VULKAN = "vulkan-1.dll"

SQLITE_WITHOUT_LOCKS = "win32-none"

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK)
"""SIGBREAK is Ctrl-Break, or a console that is closed."""

_READ, _WRITE = 0x80000000, 0x40000000
_SHARE_ALL = 7
_CREATE_NEW, _OPEN_EXISTING = 1, 3
_NO_FILE = wintypes.HANDLE(-1).value

_LOCK_AT_ONCE, _LOCK_ALONE = 1, 2
_LOCKED_PLACE = 1 << 40
"""Far behind all contents: nobody else can read what is locked."""
_HELD = (33, 997)
_NO_LOCKS = (1, 50)
"""Error codes: of a lock that another holds, and of a file system without any."""

_PAUSES = (0.01, 0.05, 0.2, 1.0)
"""Seconds between tries: programs that look for viruses keep new files open for a moment."""

_CRASHED = 0x80000000
"""Exit codes from here on are errors of the system, such as 0xC0000005, a wrong address."""
_BY_CONTROL_C = 0xC000013A
_BY_SIGNAL = 128
_WORKED_TOO_LONG = 152
"""Exit code of `limit_work`: what shells say of SIGXCPU elsewhere."""
_TURN = 0.1
"""Seconds between two looks at the work done."""

_LONG_PATHS = r"SYSTEM\CurrentControlSet\Control\FileSystem", "LongPathsEnabled"
_PROCESSOR = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0", "ProcessorNameString"
"""Places in the registry."""

_ERRORS_HANDLE, _ESCAPES = -12, 4

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.CreateFileW.restype = wintypes.HANDLE


class _Place(ctypes.Structure):
    _fields_ = (
        ("internal", ctypes.c_void_p),
        ("internal_high", ctypes.c_void_p),
        ("offset", wintypes.DWORD),
        ("offset_high", wintypes.DWORD),
        ("event", wintypes.HANDLE),
    )


# files


def open_to_read(path: Path) -> BufferedReader:
    """See `posix`; others may rename and remove it meanwhile, as they may there."""
    return os.fdopen(_open(path, _READ, _OPEN_EXISTING), "rb")


def create(path: Path, mode: int) -> BufferedRandom:
    """See `posix`; there are no permissions to give."""
    return open(path, "x+b", opener=lambda name, _: _open(name, _READ | _WRITE, _CREATE_NEW))


def _open(path: str | Path, access: int, how: int) -> int:
    handle = _kernel.CreateFileW(
        ctypes.c_wchar_p(str(path)), access, _SHARE_ALL, None, how, 0, None
    )
    if handle == _NO_FILE:
        code = ctypes.get_last_error()
        raise OSError(0, ctypes.FormatError(code), str(path), code)
    return msvcrt.open_osfhandle(handle, os.O_BINARY | os.O_NOINHERIT)


def replace(path: Path, target: Path) -> None:
    """See `posix`."""
    for pause in _PAUSES:
        with suppress(PermissionError):
            os.replace(path, target)
            return
        time.sleep(pause)
    os.replace(path, target)


def sync_folder(folder: Path) -> None:
    """Do nothing: there is no such call."""


def lock(file: IO[Any], *, shared: bool = False, wait: bool = True) -> bool:
    """See `posix`."""
    flags = (0 if shared else _LOCK_ALONE) | (0 if wait else _LOCK_AT_ONCE)
    low, high = _LOCKED_PLACE & 0xFFFFFFFF, _LOCKED_PLACE >> 32
    place = _Place(offset=low, offset_high=high)
    handle = wintypes.HANDLE(msvcrt.get_osfhandle(file.fileno()))
    if _kernel.LockFileEx(handle, flags, 0, 1, 0, ctypes.byref(place)):
        return True
    code = ctypes.get_last_error()
    if code in _HELD:
        raise BlockingIOError("another process holds it")
    if code in _NO_LOCKS:
        return False
    raise ctypes.WinError(code)


def refused_names(paths: Iterable[Path], folder: Path) -> dict[Path, str]:
    """See `posix`."""
    before = 0 if _registered(*_LONG_PATHS) == 1 else units(str(folder.absolute())) + 1
    reasons = {path: refused(path.relative_to(folder), before) for path in paths}
    return {path: reason for path, reason in reasons.items() if reason}


def others_may_write(folder: Path) -> bool:
    """See `posix`; what lies in a person's profile is that person's."""
    return False


# the machine


def processor() -> str:
    """See `posix`."""
    name = _registered(*_PROCESSOR) or os.environ.get("PROCESSOR_IDENTIFIER", "unknown")
    return str(name).strip()


def _registered(place: str, name: str) -> object:
    """Return what the registry says of the machine, None if nothing."""
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
            return winreg.QueryValueEx(key, name)[0]
    except OSError:
        return None


def installed_memory_bytes() -> int:
    """See `posix`."""
    import psutil  # here and below: a command that asks nothing of memory need not wait for it

    return int(psutil.virtual_memory().total)


def free_memory_bytes() -> int:
    """See `posix`."""
    import psutil

    return int(psutil.virtual_memory().available)


def resident_bytes() -> int:
    """See `posix`."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak_memory_bytes() -> int:
    """See `posix`."""
    import psutil

    return int(psutil.Process().memory_info().peak_wset)


def forget_peak_memory() -> bool:
    """See `posix`."""
    return False


def gpu_may_be_here() -> bool:
    """See `posix`; there are no files to tell by."""
    return True


# processes


def is_running(process: int) -> bool:
    """See `posix`; to send a process signal 0, as there, would end it."""
    import psutil

    return bool(psutil.pid_exists(process))


def start(command: Sequence[str], pipes: Sequence[int], variable: str) -> subprocess.Popen[bytes]:
    """See `posix`."""
    handles = [msvcrt.get_osfhandle(number) for number in pipes]
    for handle in handles:
        os.set_handle_inheritable(handle, True)
    return subprocess.Popen(
        command,
        stdin=0,  # the standard files by their numbers: of handles only those listed are inherited
        stdout=1,
        stderr=2,
        startupinfo=subprocess.STARTUPINFO(lpAttributeList={"handle_list": handles}),
        env={**os.environ, variable: ",".join(map(str, handles))},
    )


def taken_over(value: str) -> list[int]:
    """See `posix`."""
    return [msvcrt.open_osfhandle(int(handle), os.O_BINARY) for handle in value.split(",")]


def interrupt(process: subprocess.Popen[bytes], number: int) -> None:
    """Do nothing: signals come from the console, to all processes that it shows."""


def stop(process: "Stoppable") -> None:
    """End it at once: there is no console between them. Its journal knows what is done."""
    process.terminate()


def crash(code: int) -> str:
    """See `posix`; the name is a number, such as `0xC0000005`."""
    return f"0x{code:08X}" if code >= _CRASHED and code != _BY_CONTROL_C else ""


def exit_code(code: int) -> int:
    """See `posix`."""
    if code in (_BY_CONTROL_C, -signal.SIGBREAK):
        code = -signal.SIGINT
    return code if code >= 0 else _BY_SIGNAL - code


def died_by(code: int) -> str:
    """See `posix`."""
    return f"with 0x{code:08X}" if code >= _CRASHED else ""


def limit_memory(limit: int) -> None:
    """Do nothing: only Linux knows such a limit."""


def limit_work(seconds: float) -> None:
    """See `posix`; a thread watches."""
    _limit.until = time.process_time() + seconds if seconds else float("inf")
    if not _limit.is_alive():
        _limit.start()


class _Limit(threading.Thread):
    until = float("inf")

    def run(self) -> None:
        while time.process_time() < self.until:
            time.sleep(_TURN)
        os._exit(_WORKED_TOO_LONG)


_limit = _Limit(name="limit", daemon=True)


def worked_too_long(code: int) -> bool:
    """See `posix`."""
    return code == _WORKED_TOO_LONG


def allow_escapes() -> None:
    """See `posix`: older consoles have to be told."""
    handle, mode = wintypes.HANDLE(_kernel.GetStdHandle(_ERRORS_HANDLE)), wintypes.DWORD()
    if _kernel.GetConsoleMode(handle, ctypes.byref(mode)):
        _kernel.SetConsoleMode(handle, mode.value | _ESCAPES)
