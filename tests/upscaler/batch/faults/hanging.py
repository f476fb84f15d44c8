"""Runs the command line with a native call that never returns, for files of one size or all.

    python hanging.py STAGE ARGUMENTS...

STAGE is read, infer or write: pictures 20 pixels wide hang there; `all`: every inference hangs.
"""

import ctypes
import sys
from collections.abc import Callable
from typing import Any

from upscaler.batch.run import pipeline
from upscaler.cli.main import main
from upscaler.images import write
from upscaler.inference import enlargement

WIDTH = 20


def hanging(real: Callable[..., Any], is_meant: Callable[..., bool]) -> Callable[..., Any]:
    """Return a function that is lost in C for certain arguments; Python's lock is released."""

    def call(*arguments: Any) -> Any:
        if is_meant(*arguments):
            ctypes.CDLL(None).sleep(1000)
        return real(*arguments)

    return call


def half_written(file: Any, picture: Any, *others: Any) -> bool:
    """Write something before the encoder hangs, at twice the width."""
    if picture.width != 2 * WIDTH:
        return False
    file.write(b"half of it")
    file.flush()
    return True


if __name__ == "__main__":
    stage, *arguments = sys.argv[1:]
    if stage == "read":
        real = pipeline.open_picture
        pipeline.open_picture = hanging(real, lambda path, limit: real(path, limit).width == WIDTH)
    elif stage == "write":
        write.encode = hanging(write.encode, half_written)
    else:
        enlargement._infer = hanging(
            enlargement._infer,
            lambda runtime, pixels: stage == "all" or pixels.shape[1] == WIDTH,
        )
    main(arguments)
