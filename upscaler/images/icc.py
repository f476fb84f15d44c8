"""ICC profiles of version 2, as every format and program takes them: made, and read in parts."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""x and y of white, red, green and blue."""

_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_SPACE = slice(16, 20)
_HEADER = 128

Floats = NDArray[np.float64]


def gamma_curve(exponent: float) -> bytes:
    """Return the tag of a tone curve: light = value to this power, up to 255."""
    return struct.pack(">4s4xIH", b"curv", 1, min(round(256 * exponent), 65535))


def sampled_curve(light: Sequence[float] | Floats) -> bytes:
    """Return the tag of a tone curve from the light, 0 to 1, of values at equal distances."""
    values = np.rint(np.asarray(light) * 65535).astype(">u2")
    return struct.pack(">4s4xI", b"curv", len(values)) + bytes(values.tobytes())


def grey_profile(curve: bytes, name: str) -> bytes:
    """Return a profile of pictures without colours."""
    return _profile(b"GRAY", _common(name) | {b"kTRC": curve})


def rgb_profile(curve: bytes, points: Sequence[float], name: str) -> bytes | None:
    """Return a profile of RGB pictures; None for numbers that no colours fit.

    Args:
        curve: the tag of the tone curve that all channels have.
        points: x and y of white, red, green and blue.
    """
    tags = _common(name)
    try:
        columns = _to_d50(np.array(points, np.float64).reshape(4, 2)).T
    except (np.linalg.LinAlgError, ValueError):
        return None
    for channel, column in zip((b"r", b"g", b"b"), columns, strict=True):
        tags |= {channel + b"XYZ": _xyz(column), channel + b"TRC": curve}
    return _profile(b"RGB ", tags)


def is_of_grey(profile: bytes | None) -> bool:
    """Whether a profile is one of pictures without colours."""
    return profile is not None and profile[_SPACE] == b"GRAY"


def of_other_kind(profile: bytes) -> bytes | None:
    """Return a profile of grey from one of RGB, with its tone curve, or the other way around.

    Returns:
        None if it has no such curve, or not the same for all channels, or is damaged.
    """
    grey = is_of_grey(profile)
    if not grey and profile[_SPACE] != b"RGB ":
        return None
    curves = {_tag(profile, name) for name in ([b"kTRC"] if grey else [b"rTRC", b"gTRC", b"bTRC"])}
    curve = curves.pop()
    if curves or curve is None:
        return None
    name = "with the tone curve of another profile"
    return rgb_profile(curve, SRGB, name) if grey else grey_profile(curve, name)


def _tag(profile: bytes, name: bytes) -> bytes | None:
    """Return what a profile says under a name; None if it says nothing."""
    (count,) = struct.unpack_from(">I", profile.ljust(_HEADER + 4, b"\0"), _HEADER)
    for entry in range(min(count, (len(profile) - _HEADER - 4) // 12)):
        found, offset, size = struct.unpack_from(">4sII", profile, _HEADER + 4 + 12 * entry)
        if found == name and _HEADER <= offset <= len(profile) - size:
            return profile[offset : offset + size]
    return None


def _to_d50(points: Floats) -> Floats:
    """Return the matrix from linear RGB to XYZ under D50, from x, y of white, red, green, blue."""
    if (points[:, 1] <= 0).any():
        raise ValueError("a chromaticity without light")
    xyz = np.stack([points[:, 0], points[:, 1], 1 - points.sum(axis=1)]) / points[:, 1]
    white, primaries = xyz[:, 0], xyz[:, 1:]
    matrix = primaries * np.linalg.solve(primaries, white)
    gain = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: Floats = np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD @ matrix
    return adapted


def _common(name: str) -> dict[bytes, bytes]:
    """Return the tags that every profile has."""
    text = name.encode("ascii") + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(12 + 67)
    return {b"desc": described, b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(_D50)}


def _xyz(values: Any) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _profile(space: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """Put header, table and tags together, see ICC.1:2001-04, sections 6.1 and 6.2."""
    offset = _HEADER + 4 + 12 * len(tags)
    table, data, places = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    for name, content in tags.items():
        if content not in places:  # the channels share their curve
            places[content] = offset + len(data)
            data += content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, places[content], len(content))
    size = offset + len(data)
    header = struct.pack(">I4xI4s4s4s12x4s", size, 0x02400000, b"mntr", space, b"XYZ ", b"acsp")
    illuminant = struct.pack(">3i", *(round(value * 65536) for value in _D50))
    return (header.ljust(68, b"\0") + illuminant).ljust(_HEADER, b"\0") + table + data
