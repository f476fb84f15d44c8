"""JPEG files that end too early, or too late.

Some programs and transfers leave out the mark that ends a JPEG file. Where all of the picture is
there, such a file is whole for everybody but Pillow. Others put something behind that mark: phones
the video of a motion photo.
"""

import io
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler.images.limits import check_pixels

_END = b"\xff\xd9"
_SCAN = b"\xff\xda"
_NOISE = b"\xaa\x55" * 512
_OWN = ("JPEG", "MPO")
NO_END = "the mark at its end is missing; its picture is complete"


def with_its_end(image: Image.Image, file: IO[bytes], max_pixels: int) -> Image.Image:
    """Return a picture such that it can be decoded if only the mark at its end is missing.

    Raises:
        PassingError: it has no end, and has more pixels than `max_pixels`.
    """
    if not end_is_missing(image, file):
        return image
    check_pixels(image.width * image.height, max_pixels)
    file.seek(0)
    content = file.read().rstrip(_END[:1])  # half a mark
    # where the picture is complete, what follows its last bit makes no difference
    if np.array_equal(_decoded(content), _decoded(content + _NOISE)):
        return _opened(content)
    return image


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content + _END), formats=_OWN)


def _decoded(content: bytes) -> NDArray[np.uint8]:
    with _opened(content) as image:
        return np.asarray(image)


def end_is_missing(image: Image.Image, file: IO[bytes]) -> bool:
    """Whether a file is a JPEG without the mark at its end."""
    return image.format in _OWN and not _ends_at_once(file) and behind_end(file) is None


def behind_end(file: IO[bytes]) -> bytes | None:
    """Return what stands behind the first picture of a JPEG; None if that has no end."""
    if _ends_at_once(file):
        return b""
    file.seek(0)
    content = file.read()
    # in coded pixels 0xFF is followed by 0 or a restart, so this is no part of them; thumbnails
    # with ends of their own stand before the scan
    end = content.find(_END, _first_scan(content))
    return content[end + len(_END) :] if end >= 0 else None


def _ends_at_once(file: IO[bytes]) -> bool:
    """Whether a file ends with the mark, as nearly all do."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - len(_END)))
    return file.read() == _END


def _first_scan(content: bytes) -> int:
    place = 2
    while content[place : place + 2] != _SCAN and place + 4 <= len(content):
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return place
