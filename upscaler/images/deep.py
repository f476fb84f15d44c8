"""Pictures of 16 bits a channel, which Pillow would cut to 8 without a word: libvips reads them.

Also writes them as TIFF; PNG is written by `images.png`.
"""

import os
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

# before libvips is loaded: only its loaders that are fuzzed, however a file calls itself
os.environ.setdefault("VIPS_BLOCK_UNTRUSTED", "1")
os.environ.setdefault("VIPS_CONCURRENCY", "1")  # the pipeline has threads of its own

import pyvips  # type: ignore[import-untyped]

from upscaler.errors import ImageError

pyvips.cache_set_max(0)  # each picture is read once

_LOADERS = {"PNG": pyvips.Image.pngload_buffer, "TIFF": pyvips.Image.tiffload_buffer}
_KINDS = {"b-w", "grey16", "rgb16", "rgb", "srgb"}
_INTERPRETATIONS = {1: "grey16", 2: "grey16", 3: "rgb16", 4: "rgb16"}

DEEP_FORMATS = frozenset(_LOADERS)
"""As Pillow calls them."""


class DeepFile:
    """The header of a file, and its pixels when they are asked for.

    Args:
        content: of the whole file.
        kind: one of DEEP_FORMATS.

    Raises:
        ImageError: it is damaged.
    """

    def __init__(self, content: bytes, kind: str) -> None:
        try:
            # anything less than `truncated` takes half a file for a whole one
            self._image: Any = _LOADERS[kind](content, fail_on="truncated")
        except pyvips.Error as error:
            raise ImageError(f"damaged: {_last_line(error)}") from None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as they are stored."""
        return self._image.width, self._image.height

    @property
    def frames(self) -> int:
        """How many pictures it holds."""
        return int(self._field("n-pages") or 1)

    @property
    def orientation(self) -> int:
        """As in EXIF; 1 for upright."""
        return int(self._field("orientation") or 1)

    @property
    def icc(self) -> bytes | None:
        """The ICC profile."""
        profile = self._field("icc-profile-data")
        return bytes(profile) if profile else None

    def pixels(self) -> NDArray[np.uint16]:
        """Return (H, W, 1 to 4) as it is stored, not turned upright.

        Raises:
            ImageError: it is damaged, or holds neither grey nor RGB of 16 bits.
        """
        try:
            pixels: NDArray[Any] = self._image.numpy()
        except pyvips.Error as error:
            raise ImageError(f"damaged: {_last_line(error)}") from None
        kind = self._image.interpretation
        if kind not in _KINDS or pixels.dtype != np.uint16 or self._image.bands > 4:
            raise ImageError(f"holds {kind} pixels of {pixels.dtype}, which are not supported")
        return pixels[..., None] if pixels.ndim == 2 else pixels

    def _field(self, name: str) -> Any:
        return self._image.get(name) if self._image.get_typeof(name) else None


def write_deep_tiff(file: IO[bytes], pixels: NDArray[np.uint16], icc: bytes | None) -> None:
    """Write pixels (H, W, 1 to 4) as a TIFF, compressed without loss."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    image = image.copy(interpretation=_INTERPRETATIONS[pixels.shape[2]])
    if icc:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    file.write(image.tiffsave_buffer(compression="deflate", predictor="horizontal"))


def _last_line(error: pyvips.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
