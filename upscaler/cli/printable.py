"""Text as terminals show it best."""

import os
import textwrap
from typing import IO


def printable(text: str) -> str:
    """A file name is no markup, and what it holds must neither fake a line nor steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def between_words(text: str, stream: IO[str] | None) -> str:
    """Break a line between its words where a terminal would break it within one.

    Args:
        stream: where to it goes; None where there is nothing, as where it was closed.
    """
    width = columns_of(stream)
    if not width:
        return text
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def columns_of(stream: IO[str] | None) -> int:
    """Return how wide a terminal is; 0 for what is none."""
    if stream is None or not stream.isatty():
        return 0
    return os.get_terminal_size(stream.fileno()).columns or 80  # some do not know
