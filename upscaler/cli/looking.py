"""The first sign of life of a run: what it looks at, while it loads and lists files."""

import sys
from collections.abc import Sequence
from pathlib import Path

from upscaler.cli.printable import columns_of, printable


class Looking:
    """Says on a terminal what is looked at, until there is something better to say.

    Args:
        paths: of the inputs.
        shown: whether anybody wants to see it.
    """

    def __init__(self, paths: Sequence[Path], *, shown: bool) -> None:
        self._width = 0
        if shown and (columns := columns_of(sys.stderr)):
            self._write(line_for(paths, columns))

    def end(self) -> None:
        """Take it away."""
        if self._width:
            self._write(f"\r{' ' * self._width}\r")
            self._width = 0

    def _write(self, text: str) -> None:
        self._width = len(text)
        sys.stderr.write(text)
        sys.stderr.flush()


def line_for(paths: Sequence[Path], columns: int) -> str:
    """Return the line for a terminal so wide, in which it does not wrap."""
    first = f"{paths[0]}/" if paths[0].is_dir() else str(paths[0])
    shown = printable(first)
    room = columns - len("looking at  ...") - 1
    return f"looking at {shown if len(shown) <= room else f'...{shown[3 - room :]}'} ..."
