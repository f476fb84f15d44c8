"""What this machine is: for the number of threads, and for the cards and figures made on it."""

import os
import platform
import resource
import sys
from math import ceil
from pathlib import Path

from upscaler.hardware.cgroups import cpu_limit, memory_limit

MEMORY_SHARE = 0.25
"""Of the machine's memory that the pictures being worked on may fill, and the tiles of models from
outside."""


def cores() -> int:
    """Return how many CPU cores this process may use: the machine's, or its container's limit.

    A limit between two numbers counts as the larger one, as for Java and Go.
    """
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    else:
        there = os.cpu_count() or 1
    return ceil(min(there, cpu_limit()))


def processor() -> str:
    """Return the CPU's name as the system tells it, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def memory_bytes() -> int:
    """Return how much memory this process may use: the machine's, or its container's limit."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(min(installed, memory_limit()))


def available_memory_bytes() -> int:
    """Return how much memory is free for this process, as the system judges it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = 1024 * next(int(line.split()[1]) for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        return memory_bytes()
    return min(free, memory_bytes())


def resident_bytes() -> int:
    """Return the resident size of this process; 0 where the system does not say it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_memory_bytes() -> int:
    """Return the largest resident size that this process has had."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        # not the first choice: on Linux it counts the process that this one was forked from
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
