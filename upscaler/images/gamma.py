"""The colours that a PNG describes by numbers, as an ICC profile, which every format holds."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SRGB_GAMMA = 1 / 2.2
_SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""x and y of white, red, green and blue, as in the chunk cHRM."""

_GAMMA_TOLERANCE, _COLOUR_TOLERANCE = 0.002, 0.005
"""Up to here it is sRGB, as programs write it with more or fewer digits."""

_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)

Floats = NDArray[np.float64]


def profile_from(
    gamma: float | None, chromaticities: Sequence[float] | None, *, grey: bool
) -> bytes | None:
    """Return an ICC profile, version 2, of what a PNG gives in numbers; None if that is sRGB.

    Args:
        gamma: of the chunk gAMA: stored value = light to this power.
        chromaticities: of the chunk cHRM: x and y of white, red, green and blue.
        grey: whether the picture has no colours.
    """
    gamma = gamma if gamma and gamma > 0 else _SRGB_GAMMA
    points = tuple(chromaticities or _SRGB)
    near = np.allclose(points, _SRGB, atol=_COLOUR_TOLERANCE)
    if abs(gamma - _SRGB_GAMMA) < _GAMMA_TOLERANCE and (near or grey):
        return None
    curve = struct.pack(">4s4xIH", b"curv", 1, min(round(256 / gamma), 65535))
    tags = {b"desc": _description(), b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(_D50)}
    if grey:
        return _profile(b"GRAY", tags | {b"kTRC": curve})
    try:
        columns = _to_d50(np.array(points, np.float64).reshape(4, 2)).T
    except (np.linalg.LinAlgError, ValueError):
        return None  # numbers that no colours fit
    for name, column in zip((b"r", b"g", b"b"), columns, strict=True):
        tags |= {name + b"XYZ": _xyz(column), name + b"TRC": curve}
    return _profile(b"RGB ", tags)


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


def _xyz(values: Any) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _description() -> bytes:
    text = b"from gAMA and cHRM\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(12 + 67)


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Put header, table and tags together, see ICC.1:2001-04, sections 6.1 and 6.2."""
    offset = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    size = offset + len(data)
    header = struct.pack(">I4xI4s4s4s12x4s", size, 0x02400000, b"mntr", space, b"XYZ ", b"acsp")
    illuminant = struct.pack(">3i", *(round(value * 65536) for value in _D50))
    return (header.ljust(68, b"\0") + illuminant).ljust(128, b"\0") + table + data
