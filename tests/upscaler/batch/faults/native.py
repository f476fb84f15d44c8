"""Runs the command line with a native call that goes wrong, for files of one size or all.

    python native.py STAGE WHAT ARGUMENTS...

STAGE is read, infer or write: pictures 20 pixels wide go wrong there; `all`: in every inference.
WHAT is `hangs`; `locks`: it hangs and holds the global lock; or a signal that ends the process.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from upscaler.__main__ import main
from upscaler.batch.run import pipeline
from upscaler.images import write
from upscaler.inference import enlargement

WIDTH = 20


def go_wrong(what: str) -> None:
    """Say so, and do not come back from C."""
    os.write(2, b"goes wrong\n")
    if what == "hangs":
        ctypes.CDLL(None).sleep(1000)
    elif what == "locks":
        ctypes.PyDLL(None).sleep(1000)
    elif what == "SIGSEGV":
        ctypes.string_at(0)
    else:
        os.kill(os.getpid(), signal.Signals[what])


def wrong(real: Callable[..., Any], what: str, is_meant: Callable[..., bool]) -> Callable[..., Any]:
    """Return a function that goes wrong for certain arguments."""

    def call(*arguments: Any) -> Any:
        if is_meant(*arguments):
            go_wrong(what)
        return real(*arguments)

    return call


def half_written(file: Any, picture: Any, *others: Any) -> bool:
    """Write something before the encoder goes wrong, at twice the width."""
    if picture.width != 2 * WIDTH:
        return False
    file.write(b"half of it")
    file.flush()
    return True


if __name__ == "__main__":
    stage, what, *sys.argv[1:] = sys.argv[1:]
    if stage == "read":
        real = pipeline.open_picture
        pipeline.open_picture = wrong(
            real, what, lambda path, limit: real(path, limit).width == WIDTH
        )
    elif stage == "write":
        write.encode = wrong(write.encode, what, half_written)
    else:
        enlargement._infer = wrong(
            enlargement._infer,
            what,
            lambda runtime, pixels: stage == "all" or pixels.shape[1] == WIDTH,
        )
    main()
