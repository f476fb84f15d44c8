"""TARGA and DDS, which games keep their textures in: what Pillow drops of them without a word."""

from typing import IO

from PIL import Image

_TGA_DESCRIPTOR, _ALPHA_BITS = 17, 0x0F
_DDS_CAPS = 112
_CUBE, _VOLUME = 0x200, 0x200000
_DDS_FOURCC, _DXGI = 84, 128
_HALF_FLOATS = (94, 95, 96)
"""Formats of DXGI whose light values have no largest one (BC6H)."""


def tga_has_alpha(image: Image.Image, file: IO[bytes]) -> bool:
    """Whether the fourth channel of a TARGA file is its transparency: often it is mere filling."""
    file.seek(_TGA_DESCRIPTOR)
    return image.mode != "RGBA" or bool(file.read(1)[0] & _ALPHA_BITS)


def notes_on_tga(image: Image.Image, file: IO[bytes]) -> list[str]:
    """Return what is dropped of a TARGA file."""
    if tga_has_alpha(image, file):
        return []
    return ["dropped its fourth channel, which it does not call transparency"]


def notes_on_dds(image: Image.Image, file: IO[bytes]) -> list[str]:
    """Return what is dropped of a DDS file."""
    file.seek(0)
    head = file.read(_DXGI + 20)
    caps = int.from_bytes(head[_DDS_CAPS : _DDS_CAPS + 4], "little")
    notes = ["kept the first picture of a cube or volume"] if caps & (_CUBE | _VOLUME) else []
    dxgi = int.from_bytes(head[_DXGI : _DXGI + 4], "little")
    if head[_DDS_FOURCC : _DDS_FOURCC + 4] == b"DX10" and dxgi in _HALF_FLOATS:
        notes.append("light values beyond white are cut off: it holds 16-bit floats")
    return notes
