"""What an AVIF or HEIC file says of its main picture in boxes that Pillow does not pass on.

See ISO/IEC 14496-12 (boxes) and 23008-12 (items and their properties).
"""

import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import IO, NamedTuple

from upscaler.images.boxes import boxes, content
from upscaler.images.code_points import CodePoints

_MOST = 1 << 24
"""Bytes of boxes that are read; pictures lie elsewhere."""

Box = tuple[bytes, bytes]


class MainPicture(NamedTuple):
    """Facts about the main picture of a file."""

    code_points: CodePoints | None = None
    premultiplied: bool = False
    """Whether its colours have been multiplied with its opacity."""
    crop: tuple[Fraction, Fraction, Fraction, Fraction] | None = None
    """Width and height of the part that is to be shown, and how far its middle lies to the right
    of and below that of the picture, in pixels, before it is turned."""

    def crop_box(self, width: int, height: int) -> tuple[int, int, int, int] | None:
        """Return left, top, right and bottom of what is to be shown; None for all.

        Args:
            width, height: as the picture is stored.
        """
        if self.crop is None:
            return None
        wide, high, right, down = self.crop
        left, top = (width - wide) / 2 + right, (height - high) / 2 + down
        box = round(left), round(top), round(left + wide), round(top + high)
        inside = 0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height
        return box if inside else None  # what cannot be is passed over, as decoders do


def main_picture(file: IO[bytes]) -> MainPicture:
    """Return the facts about a file, which stays where it is; none of one that is damaged."""
    here = file.tell()
    try:
        return _facts(dict(_boxes(_read_meta(file)[4:])))
    except (struct.error, ValueError, ZeroDivisionError, IndexError):
        return MainPicture()
    finally:
        file.seek(here)


def _read_meta(file: IO[bytes]) -> bytes:
    """Return what is in the box that describes the items of a file; nothing if it has none."""
    places = (place for place in boxes(file) if place[0] == b"meta")
    return next((content(file, start, end, _MOST) for _, start, end in places), b"")


def _boxes(data: bytes) -> Iterator[Box]:
    """Yield the boxes one after another in `data`."""
    for kind, start, end in boxes(io.BytesIO(data)):
        yield kind, data[start:end]


def _facts(meta: dict[bytes, bytes]) -> MainPicture:
    main = _number(meta[b"pitm"], 4, 4 if meta[b"pitm"][0] else 2) if b"pitm" in meta else 0
    properties = dict(_boxes(meta.get(b"iprp", b"")))
    every = list(_boxes(properties.get(b"ipco", b"")))
    found = MainPicture(premultiplied=main in _premultiplied(meta.get(b"iref", b"")))
    for index in _associations(properties.get(b"ipma", b"")).get(main, []):
        if not 0 < index <= len(every):
            continue
        kind, value = every[index - 1]
        if kind == b"colr" and value[:4] == b"nclx":
            found = found._replace(code_points=CodePoints(*struct.unpack_from(">HH", value, 4)))
        if kind == b"clap":
            numbers = struct.unpack_from(">IIIIiIiI", value)
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            wide, high, right, down = (Fraction(over, under) for over, under in pairs)
            found = found._replace(crop=(wide, high, right, down))
    return found


def _premultiplied(references: bytes) -> set[int]:
    """Return the items that refer to their opacity as one that they are multiplied with."""
    width = 4 if references[:1] == b"\1" else 2
    return {_number(value, 0, width) for kind, value in _boxes(references[4:]) if kind == b"prem"}


def _associations(data: bytes) -> dict[int, list[int]]:
    """Return which properties each item has: numbers from 1, in the order in which they apply."""
    if not data:
        return {}
    id_width, width = 4 if data[0] else 2, 2 if data[3] & 1 else 1
    place, found = 8, dict[int, list[int]]()
    for _ in range(_number(data, 4, 4)):
        item, count = _number(data, place, id_width), data[place + id_width]
        place += id_width + 1
        numbers = [_number(data, place + width * n, width) for n in range(count)]
        found[item] = [number & (0x7FFF if width == 2 else 0x7F) for number in numbers]
        place += width * count
    return found


def _number(data: bytes, place: int, width: int) -> int:
    if place + width > len(data):
        raise ValueError("a box ends early")
    return int.from_bytes(data[place : place + width], "big")
