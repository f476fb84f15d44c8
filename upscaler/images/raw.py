"""Camera raw files, known by their content, whatever they are called.

Most are TIFF files with a small finished picture in the first directory, which would be taken for
the photograph.
"""

from typing import IO

from upscaler.errors import ImageError
from upscaler.images.tiff_tags import Tags, directories

_BEGINNINGS = {
    b"FUJIFILMCCD-RAW": 0,
    b"IIRO": 0,  # Olympus
    b"IIRS": 0,
    b"MMOR": 0,
    b"IIU\0": 0,  # Panasonic, Leica
    b"\0MRM": 0,  # Minolta
    b"FOVb": 0,  # Sigma
    b"ftypcrx ": 4,  # Canon, CR3
    b"HEAPCCDR": 6,  # Canon, CRW
}
"""Of files, and where that stands."""

_MARKS = (b"CR\x02", b"IIII")
"""Of Canon's CR2 and Phase One, behind the header of a TIFF."""

_PHOTOMETRIC, _DNG_VERSION = 262, 50706
_SENSOR = (32803, 34892)
"""What pixels are in camera raw: one colour each, or the sensor's own colours."""


def refuse_raw(file: IO[bytes]) -> None:
    """Refuse camera raw.

    Raises:
        ImageError: it is.
    """
    if _has_mark(file) or any(map(_is_of_a_sensor, directories(file))):
        raise ImageError("camera raw, not yet a picture; develop it first, for example to TIFF")


def _has_mark(file: IO[bytes]) -> bool:
    file.seek(0)
    head = file.read(16)
    if head.startswith(b"II*\0") and head[8:].startswith(_MARKS):
        return True
    return any(head.startswith(word, place) for word, place in _BEGINNINGS.items())


def _is_of_a_sensor(tags: Tags) -> bool:
    return _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in _SENSOR
