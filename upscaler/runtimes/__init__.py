"""The inference runtimes: one file each, one table, one function that opens the right one."""

from upscaler.runtimes.choice import Choice, RuntimeRequest, by_reason, open_runtime, precisions_of
from upscaler.runtimes.pixels import BrokenTile, to_batch, to_pixels
from upscaler.runtimes.runtime import PRECISIONS, BuiltRuntime, PixelRuntime, Runtime, TriedRuntime
from upscaler.runtimes.table import RUNTIMES

__all__ = [
    "PRECISIONS",
    "RUNTIMES",
    "BrokenTile",
    "BuiltRuntime",
    "Choice",
    "PixelRuntime",
    "Runtime",
    "RuntimeRequest",
    "TriedRuntime",
    "by_reason",
    "open_runtime",
    "precisions_of",
    "to_batch",
    "to_pixels",
]
