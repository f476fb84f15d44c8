"""What only Windows has, played on any system, and what it does not have, taken away.

`python as_windows.py ARGUMENTS` runs the command line on `upscaler.hardware.system.windows`.
"""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import patch

HIDDEN = {
    os: (
        *("O_NONBLOCK", "O_DIRECTORY", "O_CLOEXEC", "pread", "pathconf", "sysconf", "getuid"),
        *("sched_getaffinity", "kill", "mkfifo", "fchmod"),
    ),
    signal: ("setitimer", "ITIMER_PROF", "SIGPROF", "SIGKILL", "SIGBUS", "SIGSYS", "SIGTRAP"),
}
MODULES = ("fcntl", "resource")
_CREATE_NEW = 1


def create_file(name, access, share, security, how, flags, template):
    """CreateFileW, whose handles are numbers of files here."""
    created = os.O_RDWR | os.O_CREAT | os.O_EXCL
    return os.open(name.value, created if how == _CREATE_NEW else os.O_RDONLY)


def lock_file(*arguments):
    """LockFileEx, where nobody else is."""
    return 1


def module(name, **contents):
    made = ModuleType(name)
    vars(made).update(contents)
    return made


def nothing_registered(*arguments):
    raise FileNotFoundError


def stand_ins():
    """Return what takes the place of modules and of names in them."""
    kernel = SimpleNamespace(CreateFileW=create_file, LockFileEx=lock_file)
    memory = SimpleNamespace(total=8 << 30, available=4 << 30)
    taken = SimpleNamespace(rss=1 << 20, peak_wset=2 << 20)
    modules = {
        "msvcrt": module(
            "msvcrt", get_osfhandle=lambda number: number, open_osfhandle=lambda handle, _: handle
        ),
        "winreg": module("winreg", OpenKey=nothing_registered, HKEY_LOCAL_MACHINE=0),
        "psutil": module(
            "psutil",
            virtual_memory=lambda: memory,
            Process=lambda: SimpleNamespace(memory_info=lambda: taken),
            pid_exists=lambda process: True,
        ),
    }
    names = [
        (ctypes, "WinDLL", lambda *_, **__: kernel),
        (ctypes, "get_last_error", lambda: 0),
        (subprocess, "STARTUPINFO", SimpleNamespace),
        (signal, "SIGBREAK", signal.SIGUSR1 if hasattr(signal, "SIGUSR1") else 21),
        (os, "O_BINARY", 0),
        (os, "O_NOINHERIT", 0),
    ]
    return modules, names


def load():
    """Import `windows` where the stand-ins are in place."""
    with patch.object(sys, "platform", "win32"):
        from upscaler.hardware.system import windows

    return windows


def main():
    for place, names in HIDDEN.items():
        for name in names:
            if hasattr(place, name):
                delattr(place, name)
    modules, names = stand_ins()
    for place, name, value in names:
        setattr(place, name, value)
    sys.modules |= modules | dict.fromkeys(MODULES)
    with patch.object(sys, "platform", "win32"):
        import upscaler.hardware.system
    assert upscaler.hardware.system.VULKAN == "vulkan-1.dll"
    from upscaler.cli.main import main as command_line

    command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    main()
