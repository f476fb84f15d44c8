"""What this machine is: for the number of threads, and for the cards and figures made on it."""

import os
from math import ceil

from upscaler.hardware import system
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


def memory_bytes() -> int:
    """Return how much memory this process may use: the machine's, or its container's limit."""
    return int(min(system.installed_memory_bytes(), memory_limit()))


def available_memory_bytes() -> int:
    """Return how much memory is free for this process, as the system judges it."""
    return min(system.free_memory_bytes(), memory_bytes())
