"""The inference runtimes: one file each, one table, one function that opens the right one."""

from upscaler.runtimes.choice import Choice, Wish, by_reason, open_runtime
from upscaler.runtimes.runtime import PRECISIONS, BrokenTile, PixelRuntime, Runtime
from upscaler.runtimes.table import RUNTIMES

__all__ = [
    "PRECISIONS",
    "RUNTIMES",
    "BrokenTile",
    "Choice",
    "PixelRuntime",
    "Runtime",
    "Wish",
    "by_reason",
    "open_runtime",
]
