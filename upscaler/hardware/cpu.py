"""What this machine is: for the number of threads, and for the cards and figures made on it."""

import os
from contextlib import suppress
from math import ceil
from pathlib import Path

from upscaler.hardware import system
from upscaler.hardware.cgroups import cpu_limit, memory_limit

MEMORY_SHARE = 0.25
"""Of the machine's memory that the pictures being worked on may fill, and the tiles of models from
outside."""

_CPUINFO = Path("/proc/cpuinfo")

_INSTRUCTIONS = {
    "AVX2": {"avx2"},
    "AVX-512": {"avx512f"},
    "VNNI": {"avx_vnni", "avx512_vnni"},
    "BF16": {"avx512_bf16", "amx_bf16"},
    "AMX": {"amx_tile"},
}
"""What Linux calls them; any of these will do."""


def cores() -> int:
    """Return how many CPU cores this process may use: the machine's, or its container's limit.

    A limit between two numbers counts as the larger one, as for Java and Go.
    """
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    else:
        there = os.cpu_count() or 1
    return ceil(min(there, cpu_limit()))


def instructions() -> list[str]:
    """Return what the processor has that networks gain by; nothing where the system is no Linux."""
    flags: set[str] = set()
    with suppress(OSError):
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
        flags.update(*(line.split() for line in lines if line.startswith("flags")))
    return [name for name, any_of in _INSTRUCTIONS.items() if flags & any_of]


def memory_bytes() -> int:
    """Return how much memory this process may use: the machine's, or its container's limit."""
    return int(min(system.installed_memory_bytes(), memory_limit()))


def available_memory_bytes() -> int:
    """Return how much memory is free for this process, as the system judges it."""
    return min(system.free_memory_bytes(), memory_bytes())
