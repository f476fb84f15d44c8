"""What the directories of a TIFF say, before any decoder has seen the file."""

import struct
from collections.abc import Iterator
from typing import IO

Tags = dict[int, int]
"""The first value of each tag that holds whole numbers; 0 for the others."""

_CLASSIC, _BIG = 42, 43
_SUB_DIRECTORIES = 330
_SIZES = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}
"""Bytes of a value, by the types of whole numbers and places."""
_LETTERS = {1: "B", 2: "H", 4: "I", 8: "Q"}
_MOST, _MOST_ENTRIES = 32, 1000
"""Directories, and entries of one, that are looked at."""


def directories(file: IO[bytes]) -> Iterator[Tags]:
    """Yield the first directories of a TIFF, those below them with them; none if it is no TIFF."""
    try:
        yield from _Directories(file)
    except (
        struct.error,
        OSError,
        OverflowError,
        ValueError,
    ):  # damaged: whoever decodes it says so
        return


class _Directories:
    """Walks from directory to directory, each once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(0)
        head = file.read(8)
        self._order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        kind = struct.unpack(self._order + "H", head[2:4])[0] if self._order else 0
        self._big = kind == _BIG
        self._waiting: list[int] = []
        if kind in (_CLASSIC, _BIG):
            self._waiting.append(self._number(8 if self._big else 4, 8 if self._big else 4))

    def __iter__(self) -> Iterator[Tags]:
        seen: set[int] = set()
        while self._waiting and len(seen) < _MOST:
            place = self._waiting.pop(0)
            if place and place not in seen:
                seen.add(place)
                yield self._read(place)

    def _read(self, place: int) -> Tags:
        """Return one directory, and note where others are."""
        wide = 8 if self._big else 4
        count = self._number(place, 8 if self._big else 2)
        entry = place + (8 if self._big else 2)
        tags: Tags = {}
        for _ in range(min(count, _MOST_ENTRIES)):
            tag, kind = self._number(entry, 2), self._number(entry + 2, 2)
            many, size = self._number(entry + 4, wide), _SIZES.get(kind, 0)
            at = entry + 4 + wide
            if many * size > wide:
                at = self._number(at, wide)
            tags[tag] = self._number(at, size) if size and many else 0
            if tag == _SUB_DIRECTORIES and size:
                self._waiting += [
                    self._number(at + size * n, size) for n in range(min(many, _MOST))
                ]
            entry += 4 + 2 * wide
        self._waiting.append(self._number(entry, wide))
        return tags

    def _number(self, place: int, size: int) -> int:
        self._file.seek(place)
        number: int = struct.unpack(self._order + _LETTERS[size], self._file.read(size))[0]
        return number
