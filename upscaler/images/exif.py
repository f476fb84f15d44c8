"""EXIF changed in place: every byte that need not change stays, MakerNote and all types with it.

Pillow writes a block anew, with other types for some tags and other places for what a camera's
MakerNote points to. See EXIF 2.32, section 4.6, and TIFF 6.0, section 2.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

_PREFIX = b"Exif\0\0"
_HEADER = 8
_ORIENTATION, _EXIF, _SHORT, _LONG, _RATIONAL = 274, 34665, 3, 4, 5
_WIDTHS, _HEIGHTS = (256, 40962), (257, 40963)
_ACROSS, _DOWN, _UNIT, _INCH = 282, 283, 296, 2
_THUMBNAIL, _THUMBNAIL_BYTES = 513, 514
_DOUBLE = 12
_SIZES = {_SHORT: 2, _RATIONAL: 8, _DOUBLE: 8}
"""Bytes of a number, of the types that `numbers` knows."""


@dataclass(frozen=True)
class _Entry:
    """One tag: its type, how many values it has, and where they or the offset of them stand."""

    kind: int
    count: int
    place: int


class ExifBlock:
    """A block of EXIF that can be changed.

    Raises:
        ValueError: it is malformed.
    """

    def __init__(self, content: bytes) -> None:
        self._data = bytearray(content.removeprefix(_PREFIX))
        orders = {b"II*\0": "<", b"MM\0*": ">"}
        if bytes(self._data[:4]) not in orders:
            raise ValueError("not EXIF")
        self._order = orders[bytes(self._data[:4])]
        self._first = self._int("I", 4)
        self._entries = self._directory(self._first)
        self._details: dict[int, _Entry] = {}
        if _EXIF in self._entries:
            self._details = self._directory(self._int("I", self._entries[_EXIF].place))

    def __bytes__(self) -> bytes:
        """Return the block, with the marker that JPEG puts before it."""
        return _PREFIX + bytes(self._data)

    @property
    def kinds(self) -> dict[int, int]:
        """The type of each tag of the camera's details."""
        return {tag: entry.kind for tag, entry in self._details.items()}

    def make_upright(self) -> None:
        """Take out the orientation, which has been applied, and the thumbnail."""
        self._remove_orientation()
        following = self._first + 2 + 12 * self._int("H", self._first)
        small = self._int("I", following)
        if not small:
            return
        self._write("I", following, 0)
        entries = self._directory(small)
        if _THUMBNAIL in entries and _THUMBNAIL_BYTES in entries:
            start = self._int("I", entries[_THUMBNAIL].place)
            end = start + self._int("I", entries[_THUMBNAIL_BYTES].place)
            if start < _HEADER or end > len(self._data):
                raise ValueError("a thumbnail where it cannot be")
            self._data[start:end] = b"" if end == len(self._data) else bytes(end - start)

    def _remove_orientation(self) -> None:
        """Move the entries behind it up; what they point to stays where it is."""
        entry = self._entries.get(_ORIENTATION)
        if entry is None:
            return
        count = self._int("H", self._first)
        start, end = entry.place - 8, self._first + 2 + 12 * count + 4
        self._data[start:end] = self._data[start + 12 : end] + bytes(12)
        self._write("H", self._first, count - 1)
        self._entries = self._directory(self._first)

    def set_size(self, width: int, height: int) -> None:
        """Write how large the picture is into the tags for it that are there."""
        for entries in (self._entries, self._details):
            for tags, value in ((_WIDTHS, width), (_HEIGHTS, height)):
                for tag in tags:
                    self._set(entries, tag, value)

    def set_resolution(self, dpi: tuple[float, float]) -> None:
        """Write how many pixels go into an inch into the tags for it that are there."""
        for tag, value in zip((_ACROSS, _DOWN), dpi, strict=True):
            entry = self._entries.get(tag)
            if entry and entry.kind == _RATIONAL:
                place = self._int("I", entry.place)
                if place < _HEADER:  # where no value can be
                    continue
                self._write_number(_RATIONAL, place, value)
                self._set(self._entries, _UNIT, _INCH)

    def numbers(self, tag: int) -> list[float]:
        """Return the values of a tag, none if it is not there or holds no numbers."""
        return [self._number(kind, place) for kind, place in self._numbers(tag)]

    def set_numbers(self, tag: int, values: Iterable[float]) -> None:
        """Write other values into a tag, as many as it has."""
        for (kind, place), value in zip(self._numbers(tag), values, strict=True):
            self._write_number(kind, place, value)

    def _numbers(self, tag: int) -> list[tuple[int, int]]:
        """Return the type and the place of each value of a tag."""
        entry = self._entries.get(tag) or self._details.get(tag)
        size = _SIZES.get(entry.kind, 0) if entry else 0
        if entry is None or not size or entry.count * size > len(self._data):
            return []
        start = entry.place if entry.count * size <= 4 else self._int("I", entry.place)
        if start < _HEADER:  # where no value can be
            return []
        return [(entry.kind, start + size * number) for number in range(entry.count)]

    def _number(self, kind: int, place: int) -> float:
        if kind == _SHORT:
            return self._int("H", place)
        if kind == _RATIONAL:
            return self._int("I", place) / (self._int("I", place + 4) or 1)
        self._int("Q", place)  # it must be there
        number: float = struct.unpack_from(self._order + "d", self._data, place)[0]
        return number

    def _write_number(self, kind: int, place: int, value: float) -> None:
        if kind == _SHORT:
            self._write("H", place, min(max(round(value), 0), 0xFFFF))
        elif kind == _RATIONAL:
            fraction = Fraction(value).limit_denominator(100)
            self._write("I", place, fraction.numerator)
            self._write("I", place + 4, fraction.denominator)
        else:
            self._int("Q", place)
            struct.pack_into(self._order + "d", self._data, place, value)

    def _set(self, entries: dict[int, _Entry], tag: int, value: int) -> None:
        entry = entries.get(tag)
        if entry is None or entry.kind not in (_SHORT, _LONG):
            return
        if value < 1 << 16 and entry.kind == _SHORT:
            self._write("H", entry.place, value)
            return
        self._write("H", entry.place - 6, _LONG)
        self._write("I", entry.place, value)

    def _directory(self, start: int) -> dict[int, _Entry]:
        entries = {}
        for place in range(start + 2, start + 2 + 12 * self._int("H", start), 12):
            entries[self._int("H", place)] = _Entry(
                self._int("H", place + 2), self._int("I", place + 4), place + 8
            )
            self._int("I", place + 8)  # it must be there
        return entries

    def _int(self, kind: str, place: int) -> int:
        try:
            number: int = struct.unpack_from(self._order + kind, self._data, place)[0]
        except struct.error:
            raise ValueError("EXIF points beyond its end") from None
        return number

    def _write(self, kind: str, place: int, value: int) -> None:
        self._int(kind, place)
        struct.pack_into(self._order + kind, self._data, place, value)
