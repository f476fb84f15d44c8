"""IPTC-IIM records, in the places where files keep them: Photoshop's blocks, or bare."""

import struct
from collections.abc import Iterator

from PIL import Image

IN_PNG = "Raw profile type iptc"
"""The keyword that ImageMagick began to keep it under."""

_TIFF_BARE, _TIFF_BLOCKS = 33723, 34377
_BLOCK = 0x0404
_MAGIC = b"8BIM"


def iptc_of(image: Image.Image) -> bytes | None:
    """Return the records of an open Pillow image, None if there are none."""
    if image.format == "TIFF":
        # as stored: libtiff calls them long integers, of which Pillow then gives the first
        stored = getattr(getattr(image, "tag_v2", None), "_tagdata", {})
        bare = (stored.get(_TIFF_BARE) or b"").rstrip(b"\0")
        return bare or _in_blocks(stored.get(_TIFF_BLOCKS))
    if image.format == "PNG":
        return _unwrapped(_from_hex(str(getattr(image, "text", {}).get(IN_PNG, ""))))
    blocks = image.info.get("photoshop")
    found = blocks.get(_BLOCK) if isinstance(blocks, dict) else None
    return found if isinstance(found, bytes) and found else None


def in_jpeg(iptc: bytes) -> bytes:
    """Return the segment of a JPEG that keeps records."""
    content = b"Photoshop 3.0\0" + _wrapped(iptc)
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def in_text(iptc: bytes) -> tuple[str, str]:
    """Return keyword and text of a PNG that keep records."""
    wrapped = _wrapped(iptc)
    return IN_PNG, f"\niptc\n{len(wrapped):8}\n{wrapped.hex()}\n"


def _wrapped(iptc: bytes) -> bytes:
    return _MAGIC + struct.pack(">HHI", _BLOCK, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def _unwrapped(content: bytes | None) -> bytes | None:
    return _in_blocks(content) if content and content.startswith(_MAGIC) else content


def _in_blocks(content: bytes | None) -> bytes | None:
    return next((data for kind, data in blocks(content or b"") if kind == _BLOCK and data), None)


def blocks(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and content of each of Photoshop's blocks; names and contents are padded."""
    at = 0
    while content[at : at + 4] == _MAGIC and len(content) >= at + 12:
        kind = int.from_bytes(content[at + 4 : at + 6], "big")
        at += 6 + (content[at + 6] + 2) // 2 * 2
        size = int.from_bytes(content[at : at + 4], "big")
        yield kind, content[at + 4 : at + 4 + size]
        at += 4 + size + size % 2


def _from_hex(profile: str) -> bytes | None:
    """Return what stands behind the name and the length in a `raw profile`."""
    try:
        return bytes.fromhex("".join(profile.split()[2:])) or None
    except ValueError:
        return None
