"""The boxes that files of the JPEG 2000, HEIF and JPEG XL families are made of (ISO 14496-12)."""

from collections.abc import Iterator
from typing import IO

_MOST = 1000


def boxes(
    file: IO[bytes], start: int = 0, end: int | None = None
) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each box, and where its content begins and ends.

    Args:
        start, end: the part of the file that is looked at; to its end, if not given.
    """
    stop = file.seek(0, 2) if end is None else end
    for _ in range(_MOST):
        file.seek(start)
        head = file.read(16)
        size, body = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, body = int.from_bytes(head[8:16], "big"), 16
        last = stop if size == 0 else start + size
        if len(head) < 8 or last < start + body or last > stop:
            return
        yield head[4:8], start + body, last
        start = last


def content(file: IO[bytes], start: int, end: int, most: int = 1 << 26) -> bytes:
    """Return what is in a box; nothing if that is larger than anything it should be."""
    file.seek(start)
    return file.read(end - start) if end - start <= most else b""
