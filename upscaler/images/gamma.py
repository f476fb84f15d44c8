"""The colours that a PNG describes by numbers, as an ICC profile, which every format holds."""

from collections.abc import Sequence

import numpy as np

from upscaler.images.icc import SRGB, gamma_curve, grey_profile, rgb_profile

_SRGB_GAMMA = 1 / 2.2

_GAMMA_TOLERANCE, _COLOUR_TOLERANCE = 0.002, 0.005
"""Up to here it is sRGB, as programs write it with more or fewer digits."""

_NAME = "from gAMA and cHRM"


def profile_from(
    gamma: float | None, chromaticities: Sequence[float] | None, *, grey: bool
) -> bytes | None:
    """Return an ICC profile of what a PNG gives in numbers; None if that is sRGB.

    Args:
        gamma: of the chunk gAMA: stored value = light to this power.
        chromaticities: of the chunk cHRM: x and y of white, red, green and blue.
        grey: whether the picture has no colours.
    """
    gamma = gamma if gamma and gamma > 0 else _SRGB_GAMMA
    points = tuple(chromaticities or SRGB)
    near = np.allclose(points, SRGB, atol=_COLOUR_TOLERANCE)
    if abs(gamma - _SRGB_GAMMA) < _GAMMA_TOLERANCE and (near or grey):
        return None
    curve = gamma_curve(1 / gamma)
    return grey_profile(curve, _NAME) if grey else rgb_profile(curve, points, _NAME)
