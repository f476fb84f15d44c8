"""The colours that PNG (cICP), AVIF and HEIC (nclx) give by code points, as an ICC profile."""

from typing import NamedTuple

import numpy as np

from upscaler.images.icc import SRGB, gamma_curve, grey_profile, rgb_profile, sampled_curve

_D65 = SRGB[:2]

_PRIMARIES = {
    1: ("sRGB", SRGB),
    2: ("sRGB", SRGB),  # not stated
    4: ("BT.470 M", (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08)),
    5: ("BT.470 B/G", (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
    6: ("SMPTE 170M", (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    7: ("SMPTE 240M", (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    9: ("BT.2020", (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    11: ("DCI-P3", (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    12: ("Display P3", (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    22: ("EBU 3213", (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077)),
}
"""By their code in ITU-T H.273: a name, and x and y of white, red, green and blue."""

_SRGB_CURVES = (1, 2, 6, 13, 14, 15)
"""Transfer functions of which pictures are shown by sRGB's curve: besides it the ones of video,
which browsers and viewers show by it, and what is not stated."""

_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
"""Transfer functions that are a power."""

_NAMES = {16: "PQ", 18: "HLG"}
_SAMPLES = 1024


class CodePoints(NamedTuple):
    """The numbers of ITU-T H.273 for what colours are and how light is encoded."""

    primaries: int
    transfer: int

    @property
    def has_profile(self) -> bool:
        """Whether an ICC profile can say it: not that of HDR, whose white has no place there."""
        known = self.transfer in _SRGB_CURVES or self.transfer in _GAMMAS
        return known and self.primaries in _PRIMARIES

    def profile(self, *, grey: bool) -> bytes | None:
        """Return the ICC profile of what `has_profile`; None if that is sRGB.

        Args:
            grey: whether the picture has no colours.
        """
        name, points = _PRIMARIES[self.primaries]
        if self.transfer in _SRGB_CURVES and (grey or points == SRGB):
            return None
        curve = sampled_curve(_srgb_light())
        if self.transfer in _GAMMAS:
            curve = gamma_curve(_GAMMAS[self.transfer])
            name = f"{name}, gamma {_GAMMAS[self.transfer]:g}"
        return grey_profile(curve, name) if grey else rgb_profile(curve, points, name)

    @property
    def warning(self) -> str:
        """What to say of them where there is no profile."""
        transfer = _NAMES.get(self.transfer, f"transfer {self.transfer}")
        name = _PRIMARIES.get(self.primaries, (f"primaries {self.primaries}",))[0]
        return (
            f"its colours are {name} with {transfer}, given by cICP or nclx, which is not kept: "
            f"they may look pale or dark"
        )


def _srgb_light() -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    values = np.linspace(0, 1, _SAMPLES)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
