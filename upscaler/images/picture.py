"""An image in memory: its pixels apart from its transparency, and what else its file carried."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, eq=False)  # arrays have no one answer to ==
class Picture:
    """One picture, upright."""

    colour: Pixels
    """(H, W, 3) RGB or (H, W, 1) grey; uint8 or uint16, the full range of the type."""
    alpha: Pixels | None = None
    """(H, W, 1), of the same type; None if the picture has no transparency."""
    alpha_is_data: bool = False
    """Whether `alpha` is a channel like the others: it says nothing of what `colour` shows."""
    icc: bytes | None = None
    """The ICC profile that `colour` is meant in."""
    exif: bytes | None = None
    """EXIF without its orientation, which has been applied."""
    xmp: bytes | None = None
    iptc: bytes | None = None
    """IPTC-IIM records, without the blocks around them."""
    dpi: tuple[float, float] | None = None
    """Pixels per inch, across and down."""
    text: tuple[tuple[str, str], ...] = ()
    """Pairs of keyword and text, as in PNG."""
    jpeg_quality: int | None = None
    """Of the JPEG file that it was read from, 1 to 100; None if from another."""
    read_size: tuple[int, int] | None = None
    """The height and width in its file, upright, which its metadata may count pixels in."""
    lossless: bool = False
    """Whether its file was coded without loss in a format that mostly is not."""
    following: tuple[Self, ...] = ()
    """The further frames of an animation, or pages."""
    milliseconds: float | None = None
    """How long an animation shows this frame; None if it is none."""
    loop: int | None = None
    """How often an animation is played; 0 for ever."""
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
        facts.setdefault("read_size", pixels.shape[:2])
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
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 1 to 4) of `pixels`, without joining them."""
        height, width, colours = self.colour.shape
        return height, width, colours + (self.alpha is not None)

    @property
    def rgb(self) -> Pixels:
        """(H, W, 3): the colours, grey repeated."""
        if self.colour.shape[2] == 3:
            return self.colour
        repeated: Pixels = self.colour.repeat(3, axis=2)
        return repeated

    @property
    def is_grey(self) -> bool:
        """Whether it has three channels, and they are equal: grey, stored as RGB."""
        return self.colour.shape[2] == 3 and equal_channels(self.colour)

    @property
    def is_sixteen_bit(self) -> bool:
        """Whether it has 16 bits a channel."""
        return self.colour.dtype == np.uint16

    @property
    def peak(self) -> int:
        """The largest value of a channel: 255 or 65535."""
        return int(np.iinfo(self.colour.dtype).max)

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.colour.shape[0])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.colour.shape[1])

    @property
    def enlarged(self) -> tuple[float, float]:
        """How many times as high and as wide it has become since it was read."""
        height, width = self.read_size or (self.height, self.width)
        return self.height / height, self.width / width

    def with_pixels(self, colour: NDArray[Any], alpha: NDArray[Any] | None) -> Self:
        """Return this picture with other pixels: an enlargement of the same size in print."""
        dpi = self.dpi
        if dpi is not None:
            dpi = dpi[0] * colour.shape[1] / self.width, dpi[1] * colour.shape[0] / self.height
        return replace(self, colour=colour, alpha=alpha, dpi=dpi)

    def as_frame(self, height: int, width: int) -> Self:
        """Return all of this picture but its pixels, at another size, for strips to fill.

        Its arrays repeat the first pixel and take no memory.
        """
        alpha = None if self.alpha is None else _repeated(self.alpha, height, width)
        return replace(self, colour=_repeated(self.colour, height, width), alpha=alpha)

    def with_eight_bits(self) -> Self:
        """Return this picture with its 16 bits a channel rounded to 8."""
        alpha = None if self.alpha is None else eight_bits(self.alpha)
        return replace(self, colour=eight_bits(self.colour), alpha=alpha)

    def without_metadata(self) -> Self:
        """Return only what is needed to show it: its pixels, profile and timing."""
        following = tuple(other.without_metadata() for other in self.following)
        bare = replace(self, exif=None, xmp=None, iptc=None, dpi=None, text=())
        return replace(bare, following=following)


def in_rows_of(rows: int, strips: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Cut strips (any height, W, C) anew, from top to bottom, into ones of `rows` rows.

    The last may have fewer. No strip is held when the next one is asked for.
    """
    left: NDArray[Any] | None = None
    for strip in strips:
        joined = strip if left is None else np.concatenate([left, strip])
        whole = len(joined) - len(joined) % rows
        yield from _pieces(joined[:whole], rows)
        left = joined[whole:].copy() if whole < len(joined) else None
        del strip, joined
    if left is not None:
        yield left


def _pieces(strip: NDArray[Any], rows: int) -> Iterator[NDArray[Any]]:
    for top in range(0, len(strip), rows):
        piece = strip[top : top + rows]
        # whoever holds the last piece while it waits for the next strip would hold all of this one
        yield piece if top + rows < len(strip) else piece.copy()


def _repeated(like: Pixels, height: int, width: int) -> Pixels:
    repeated: Any = np.broadcast_to(like[:1, :1], (height, width, like.shape[2]))
    pixels: Pixels = repeated
    return pixels


def equal_channels(pixels: NDArray[Any]) -> bool:
    """Whether the first three channels of (H, W, 3 or 4) are equal; the first row tells most."""
    return all(bool((part[..., :1] == part[..., 1:3]).all()) for part in (pixels[:1], pixels))


def eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return uint16 values of the full range rounded to 8 bits."""
    return np.rint(pixels / 257).astype(np.uint8)
