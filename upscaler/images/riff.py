"""The chunks of a WebP file, for what Pillow does not tell."""

from collections.abc import Iterator
from typing import IO

_HEAD, _FRAME_HEAD = 12, 16
_MOST = 10_000
_PIXELS = (b"VP8 ", b"VP8L")


def riff_chunks(
    file: IO[bytes], start: int = _HEAD, end: int | None = None
) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each chunk, and where its content begins and ends.

    Args:
        start, end: the part of the file that is looked at; to its end, if not given.
    """
    stop = file.seek(0, 2) if end is None else end
    for _ in range(_MOST):
        file.seek(start)
        head = file.read(8)
        if len(head) < 8 or start + 8 > stop:
            return
        size = int.from_bytes(head[4:], "little")
        yield head[:4], start + 8, start + 8 + size
        start += 8 + size + size % 2


def is_lossless_webp(file: IO[bytes]) -> bool:
    """Whether all frames of a WebP file are coded without loss."""
    kinds = []
    for kind, start, end in riff_chunks(file):
        kinds += [kind] if kind in _PIXELS else []
        if kind == b"ANMF":
            inner = riff_chunks(file, start + _FRAME_HEAD, end)
            kinds += [each for each, _, _ in inner if each in _PIXELS]
    return bool(kinds) and set(kinds) == {b"VP8L"}
