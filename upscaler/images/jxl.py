"""JPEG XL pictures: read by pillow-jxl-plugin, which is an extra of its own.

It is under the GPL, so nobody gets it without asking. It decodes whatever it opens and says nothing
of the size before: that is read here from the header (ISO/IEC 18181-1, annex D).
"""

import io
from typing import IO, Any, NamedTuple

from PIL import Image

from upscaler.errors import ImageError, PassingError
from upscaler.images.boxes import boxes, content
from upscaler.images.limits import check_pixels
from upscaler.images.metadata import UPRIGHT

_CODED, _CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDES = ((9, 1), (13, 1), (18, 1), (30, 1))
"""How many bits a side has, and what is added to it."""
_HEAD = 64


class Header(NamedTuple):
    """What the coded picture begins with."""

    width: int
    height: int
    bits: int
    """Per channel."""
    animated: bool


def is_jxl(file: IO[bytes]) -> bool:
    """Whether a file begins as one."""
    file.seek(0)
    head = file.read(len(_CONTAINER))
    return head.startswith(_CODED) or head == _CONTAINER


def open_jxl(file: IO[bytes], max_pixels: int) -> Image.Image:
    """Decode a JPEG XL file, upright.

    Raises:
        PassingError: pillow-jxl-plugin is not installed, or it has too many pixels.
        ImageError: it is an animation, or damaged.
    """
    try:
        import pillow_jxl
    except ModuleNotFoundError:
        raise PassingError("a JPEG XL picture; pip install pillow-jxl-plugin to read it") from None
    header = header_of(file)
    check_pixels(header.width * header.height, max_pixels)
    if header.animated:
        raise ImageError("an animation in JPEG XL, which is not supported; convert it to WebP")
    file.seek(0)
    plugin: Any = pillow_jxl
    is_jpeg, found, data, icc, _ = plugin.Decoder(num_threads=1)(file.read())
    if is_jpeg:  # a JPEG that was packed without loss, and is one again
        jpeg = Image.open(io.BytesIO(data), formats=("JPEG", "MPO"))
        jpeg.load()
        jpeg.format = "JXL"
        return jpeg
    image = Image.frombytes(found.mode, (found.width, found.height), data)
    image.format = "JXL"
    image.info = {"icc_profile": icc, "bit_depth": header.bits, UPRIGHT: True}
    image.info.update(_metadata(file))
    return image


def header_of(file: IO[bytes]) -> Header:
    """Return what the header says.

    Raises:
        ImageError: there is none.
    """
    file.seek(0)
    head = file.read(_HEAD)
    if not head.startswith(_CODED):
        head = next((_part(file, *box) for box in boxes(file) if box[0] in (b"jxlc", b"jxlp")), b"")
    if not head.startswith(_CODED):
        raise ImageError("damaged: no coded picture in it")
    return _header(_Bits(head[len(_CODED) :]))


def _part(file: IO[bytes], kind: bytes, start: int, end: int) -> bytes:
    numbered = 4 if kind == b"jxlp" else 0
    file.seek(start + numbered)
    return file.read(min(_HEAD, end - start))


def _metadata(file: IO[bytes]) -> dict[str | tuple[int, int], Any]:
    found: dict[str | tuple[int, int], Any] = {}
    for kind, start, end in boxes(file):
        if kind == b"Exif":
            data = content(file, start, end)
            begins = [data.find(mark, 0, _HEAD) for mark in (b"II*\0", b"MM\0*")]
            found["exif"] = data[max(0, *begins) :]  # behind its offset, which some leave out
        elif kind == b"xml ":
            found["xmp"] = content(file, start, end)
    return found


class _Bits:
    """Numbers of some bits each, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ImageError("damaged: the file is truncated")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def choose(self, *kinds: tuple[int, int]) -> int:
        """Take one of four kinds of numbers: so many bits, and what is added to them."""
        bits, added = kinds[self.take(2)]
        return self.take(bits) + added


def _header(bits: _Bits) -> Header:
    width, height = _size(bits)
    if bits.take(1):  # all else is as usual
        return Header(width, height, 8, animated=False)
    if bits.take(1):
        bits.take(3)  # the orientation
        if bits.take(1):
            _size(bits)  # as it should be shown
        if bits.take(1):
            raise ImageError("a JPEG XL picture with a preview in it, which is not supported")
        if bits.take(1):
            return Header(width, height, 8, animated=True)
    is_float = bits.take(1)
    sizes = ((0, 32), (0, 16), (0, 24), (6, 1)) if is_float else ((0, 8), (0, 10), (0, 12), (6, 1))
    return Header(width, height, bits.choose(*sizes), animated=False)


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)
    height = 8 * (bits.take(5) + 1) if small else bits.choose(*_SIDES)
    ratio = bits.take(3)
    if ratio:
        over, under = _RATIOS[ratio - 1]
        return height * over // under, height
    width = 8 * (bits.take(5) + 1) if small else bits.choose(*_SIDES)
    return width, height
