"""What a decoder says when it gives up, in our own words."""

from typing import IO

from upscaler.errors import ImageError, PassingError
from upscaler.images.tiff_tags import directories

_MACHINE = ("system error", "out of memory", "no space", "temporary")
"""Words for what is no fault of the picture."""

_UNSUPPORTED = (
    *("unsupported", "not supported", "not implemented", "unimplemented", "not available"),
    *("unknown", "cannot handle", "not configured", "unable to determine"),
)
"""Words for what is no damage."""

_COMPRESSION = 259
_COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946}
"""Of TIFF: those that every decoder here undoes."""

_NAMED = {
    **{34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG", 34887: "LERC"},
    **{34934: "JPEG XR", 22610: "JPEG XR", 50000: "Zstandard", 50001: "WebP", 34925: "LZMA"},
    **{50002: "JPEG XL", 52546: "JPEG XL", 34892: "JPEG", 34933: "PNG", 33007: "JPEG"},
}


def reading_failed(words: str, file: IO[bytes] | None = None) -> ImageError:
    """Return the error for a picture that a decoder cannot read.

    Args:
        words: what the decoder says.
        file: that it read, whose kind of compression may explain it.
    """
    text = words.lower()
    if any(each in text for each in _MACHINE):
        return PassingError(f"cannot be read: {words}")
    if file is not None and not file.closed and (kind := _compression(file)):
        return ImageError(f"not supported: a TIFF whose pixels are compressed as {kind}")
    if any(each in text for each in _UNSUPPORTED):
        return ImageError(f"not supported: {words}")
    return ImageError(f"damaged: {words}")


def _compression(file: IO[bytes]) -> str:
    """Return how a TIFF is compressed, if that may be why it cannot be read."""
    for tags in directories(file):
        kind = tags.get(_COMPRESSION, 1)
        if kind not in _COMPRESSIONS:
            return _NAMED.get(kind, f"number {kind}")
    return ""
