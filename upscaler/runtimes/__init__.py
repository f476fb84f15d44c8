"""The inference runtimes: one file each, one table, one function that opens the right one."""

from upscaler.runtimes.choice import Choice, by_reason, open_runtime
from upscaler.runtimes.runtime import PRECISIONS, Runtime
from upscaler.runtimes.table import RUNTIMES

__all__ = ["PRECISIONS", "RUNTIMES", "Choice", "Runtime", "by_reason", "open_runtime"]
