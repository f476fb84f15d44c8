"""What stands in a file beside its picture and is not kept: every piece of it is said."""

import re
from collections.abc import Iterator
from typing import IO, Any

from PIL import Image

from upscaler.images.boxes import boxes, content
from upscaler.images.iptc import blocks
from upscaler.images.jpeg2000 import complete_jpeg2000
from upscaler.images.jpeg_end import NO_END, behind_end
from upscaler.images.metadata import UPRIGHT
from upscaler.images.png import leading_chunks
from upscaler.images.psd import complete_psd
from upscaler.images.riff import riff_chunks
from upscaler.images.textures import notes_on_dds, notes_on_tga

_CREDENTIALS = "dropped the content credentials (C2PA): they vouch for the original only"
_VIDEO = "dropped the video of a motion photo"
_PATHS = "dropped the clipping paths of Photoshop"

_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_C2PA_TAG, _BLOCKS_TAG = 52545, 34377
_PATH_BLOCKS = range(2000, 3000)
_WORKING_PATH = 1025
_IS_VIDEO = re.compile(rb"ftyp(?:mp4|isom|qt  |avc1|M4V|3gp)|MotionPhoto_Data")


def beside(image: Image.Image, file: IO[bytes]) -> list[str]:
    """Return a phrase for each thing in an open file that is not kept.

    For formats of which Pillow reads pixels only, it adds the rest to `image.info`.
    """
    of_format: dict[str, Any] = {
        "JPEG": _in_jpeg,
        "MPO": _in_jpeg,
        "PNG": _in_png,
        "WEBP": _in_webp,
        "TIFF": _in_tiff,
        "HEIF": _in_boxes,
        "AVIF": _in_boxes,
        "JXL": _in_boxes,
        "JPEG2000": complete_jpeg2000,
        "PSD": complete_psd,
        "TGA": notes_on_tga,
        "DDS": notes_on_dds,
    }
    look = of_format.get(image.format or "")
    here = file.tell()  # some of Pillow's decoders go on from there
    notes = list(look(image, file)) if look else []
    file.seek(here)
    if _has_paths(image):
        notes.append(_PATHS)
    return notes


def _in_jpeg(image: Image.Image, file: IO[bytes]) -> Iterator[str]:
    segments = getattr(image, "applist", [])
    extended = [data for kind, data in segments if kind == "APP1" and _is_extended(data)]
    if extended:
        size = sum(len(data) for data in extended)
        yield f"dropped the further XMP of {size} bytes, which has no place in one piece"
    if any(kind == "APP11" and b"jumb" in data[:32] for kind, data in segments):
        yield _CREDENTIALS
    behind = behind_end(file)
    if behind is None:
        yield NO_END
    elif _IS_VIDEO.search(behind):
        yield _VIDEO
    elif image.format == "JPEG" and (size := len(behind.strip(b"\0"))):
        yield f"dropped {size} bytes that stand behind the picture"


def _is_extended(data: bytes) -> bool:
    return data.startswith(_EXTENDED_XMP)


def _in_png(image: Image.Image, file: IO[bytes]) -> Iterator[str]:
    if b"caBX" in leading_chunks(file):
        yield _CREDENTIALS


def _in_webp(image: Image.Image, file: IO[bytes]) -> Iterator[str]:
    if any(kind == b"C2PA" for kind, _, _ in riff_chunks(file)):
        yield _CREDENTIALS


def _in_tiff(image: Image.Image, file: IO[bytes]) -> Iterator[str]:
    if _C2PA_TAG in getattr(image, "tag_v2", {}):
        yield _CREDENTIALS


def _in_boxes(image: Image.Image, file: IO[bytes]) -> Iterator[str]:
    found = {
        kind: content(file, start, min(end, start + len(_C2PA_UUID)))
        for kind, start, end in boxes(file)
        if kind in (b"uuid", b"jumb", b"mpvd", b"brob")
    }
    if found.get(b"uuid") == _C2PA_UUID or b"jumb" in found:
        yield _CREDENTIALS
    if b"mpvd" in found:
        yield _VIDEO
    if b"brob" in found and UPRIGHT in image.info:  # or it is a JPEG, and its own are whole
        yield "dropped metadata that is compressed by Brotli"


def _has_paths(image: Image.Image) -> bool:
    kinds: Any = image.info.get("photoshop")
    if image.format == "TIFF":
        stored = getattr(getattr(image, "tag_v2", None), "_tagdata", {})
        kinds = {kind for kind, _ in blocks(stored.get(_BLOCKS_TAG) or b"")}
    if not isinstance(kinds, dict | set):
        return False
    return any(kind in _PATH_BLOCKS or kind == _WORKING_PATH for kind in kinds)
