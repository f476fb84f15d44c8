"""Photoshop files: the merged picture that they hold beside their layers.

See Adobe Photoshop File Formats Specification, November 2019.
"""

import struct
from typing import IO, Any

from PIL import Image, ImageChops

from upscaler.errors import ImageError
from upscaler.images.metadata import UPRIGHT

_MARK, _PSB = b"8BPS", 2
_HEAD = struct.Struct(">4sH6xHIIHH")
_MULTICHANNEL = 7
_RESOLUTION, _IPTC, _VERSION, _EXIF, _XMP = 1005, 1028, 1057, 1058, 1060
_COLOURS = {"1": 1, "L": 1, "P": 1, "RGB": 3, "RGBA": 4, "CMYK": 4, "LAB": 3}


def refuse_psd(file: IO[bytes]) -> None:
    """Refuse the Photoshop files that Pillow cannot read; other files pass.

    Raises:
        ImageError: it is large (PSB), has other than 8 bits a channel, or is for separate inks.
    """
    file.seek(0)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size or not head.startswith(_MARK):
        return
    _, version, _, _, _, bits, mode = _HEAD.unpack(head)
    what = f"{bits} bits a channel" if bits not in (1, 8) else ""
    what = "a channel for each ink" if mode == _MULTICHANNEL else what
    what = "a large document (PSB)" if version == _PSB else what
    if what:
        raise ImageError(f"a Photoshop file of {what}, which is not supported; save it as TIFF")


def complete_psd(image: Image.Image, file: IO[bytes]) -> list[str]:
    """Add to an open Photoshop file what Pillow does not read; return what is dropped of it.

    Raises:
        ImageError: it holds layers only.
    """
    resources = {number: data for number, _, data in getattr(image, "resources", [])}
    if resources.get(_VERSION, b"\0\0\0\0\1")[4:5] == b"\0":
        raise ImageError(
            "holds layers and no merged picture; save it in Photoshop with 'Maximize Compatibility'"
        )
    image.info |= {"photoshop": resources, UPRIGHT: True}
    for key, number in (("xmp", _XMP), ("exif", _EXIF)):
        if data := resources.get(number):
            image.info[key] = data
    if dpi := _dpi(resources.get(_RESOLUTION, b"")):
        image.info["dpi"] = dpi
    file.seek(0)
    channels = _HEAD.unpack(file.read(_HEAD.size))[2]
    notes = ["kept the merged picture, not its layers"] if _layers(image, file) else []
    beside = channels - _COLOURS.get(image.mode, channels)
    if image.mode == "RGBA" and not _is_transparent(image, file):
        beside += 1
    if beside > 0:
        notes.append(f"dropped {beside} channel{'s' * (beside > 1)} beside its colours")
    return notes


def merged(image: Image.Image, file: IO[bytes]) -> Image.Image:
    """Return the pixels as they are meant: Photoshop lays what is transparent on white."""
    if image.mode != "RGBA":
        return image
    if not _is_transparent(image, file):
        return image.convert("RGB")
    *colours, alpha = image.split()
    on_white = ImageChops.invert(alpha)
    plain = [ImageChops.subtract(band, on_white) for band in colours]
    unmixed = Image.merge("RGBa", [*plain, alpha]).convert("RGBA")
    unmixed.info = image.info
    return unmixed


def _layers(image: Image.Image, file: IO[bytes]) -> int:
    """Return how many layers there are; below 0 if the first channel beside them is their alpha."""
    place: Any = getattr(image, "_layers_position", None)
    if place is None:
        return 0
    file.seek(place)
    return int.from_bytes(file.read(2), "big", signed=True)


def _is_transparent(image: Image.Image, file: IO[bytes]) -> bool:
    return _layers(image, file) < 0


def _dpi(data: bytes) -> tuple[float, float] | None:
    if len(data) < 16:
        return None
    across, _, _, down, _, _ = struct.unpack(">IHHIHH", data[:16])
    # the numbers are for an inch, whatever unit they are shown in
    return across / 65536, down / 65536
