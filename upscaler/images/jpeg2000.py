"""What JPEG 2000 files say beside their pixels: Pillow reads neither profile, EXIF nor XMP."""

from typing import IO

from PIL import Image

from upscaler.images.boxes import boxes, content
from upscaler.images.metadata import UPRIGHT

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = b"JpgTiffExif->JP2"
_ICC = (b"\2", b"\3")
"""How a colour box begins that holds a profile: a restricted one, or any."""
_STREAM, _COUNT, _DEPTHS = b"\xff\x4f\xff\x51", 40, 42
"""How the coded picture begins, and where in it the channels are counted and described."""


def complete_jpeg2000(image: Image.Image, file: IO[bytes]) -> list[str]:
    """Add profile, EXIF and XMP to an open JPEG 2000 file; return what is reduced of it."""
    image.info[UPRIGHT] = True
    bits = 8
    file.seek(0)
    if file.read(4) == _STREAM:
        bits = _bits(file, 0)
    for kind, start, end in boxes(file):
        if kind == b"jp2h":
            for inner, first, last in boxes(file, start, end):
                data = content(file, first, last) if inner == b"colr" else b""
                if data.startswith(_ICC):
                    image.info["icc_profile"] = data[3:]
        elif kind == b"uuid":
            data = content(file, start, end)
            if data.startswith(_XMP):
                image.info["xmp"] = data[16:]
            elif data.startswith(_EXIF):
                image.info["exif"] = data[16:].removeprefix(b"Exif\0\0")
        elif kind == b"jp2c":
            bits = _bits(file, start)
    return ["reduced to 8 bits per channel"] if bits > 8 and image.mode != "I;16" else []


def _bits(file: IO[bytes], start: int) -> int:
    """Return the most bits of a channel, from the header of the coded picture."""
    file.seek(start)
    head = file.read(1024)
    count = int.from_bytes(head[_COUNT:_DEPTHS], "big")
    depths = head[_DEPTHS : _DEPTHS + 3 * count : 3]
    return max(((depth & 0x7F) + 1 for depth in depths), default=8)
