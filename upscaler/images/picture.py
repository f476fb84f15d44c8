"""An image in memory: its pixels apart from its transparency, and what else its file carried."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Picture:
    """One picture, upright."""

    colour: Pixels
    """(H, W, 3) RGB or (H, W, 1) grey; uint8 or uint16, the full range of the type."""
    alpha: Pixels | None = None
    """(H, W, 1), of the same type; None if the picture has no transparency."""
    icc: bytes | None = None
    """The ICC profile that `colour` is meant in."""
    exif: bytes | None = None
    """EXIF without its orientation, which has been applied."""
    warnings: tuple[str, ...] = ()
    """What reading or writing could not keep, a phrase each."""

    @classmethod
    def from_pixels(cls, pixels: Pixels, **facts: Any) -> Self:
        """Split (H, W) grey or (H, W, 1 to 4) pixels into colour and alpha.

        Args:
            facts: the other fields, as they are called here.
        """
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        if pixels.shape[2] in (2, 4):
            return cls(pixels[..., :-1], pixels[..., -1:], **facts)
        return cls(pixels, **facts)

    @property
    def pixels(self) -> Pixels:
        """(H, W, 1 to 4): grey or RGB, with alpha if there is one."""
        if self.alpha is None:
            return self.colour
        joined: Pixels = np.concatenate([self.colour, self.alpha], axis=2)
        return joined

    @property
    def rgb(self) -> Pixels:
        """(H, W, 3): the colours, grey repeated."""
        if self.colour.shape[2] == 3:
            return self.colour
        repeated: Pixels = self.colour.repeat(3, axis=2)
        return repeated

    @property
    def is_deep(self) -> bool:
        """Whether it has 16 bits a channel."""
        return self.colour.dtype == np.uint16

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.colour.shape[0])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.colour.shape[1])

    def with_pixels(self, colour: NDArray[Any], alpha: NDArray[Any] | None) -> Self:
        """Return this picture with other pixels: an enlargement of it."""
        return replace(self, colour=colour, alpha=alpha)
