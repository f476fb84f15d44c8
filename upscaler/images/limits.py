"""The most pixels that are read of a picture."""

from upscaler.errors import PassingError

MAX_PIXELS = 250_000_000
"""In all frames of an input together, unless a run sets another limit."""


def check_pixels(pixels: int, limit: int, words: str = "") -> None:
    """Refuse more pixels than a limit.

    Args:
        words: how they are called in the message; by their number, if not given.

    Raises:
        PassingError: there are more; another run may have another limit.
    """
    if pixels > limit:
        text = words or f"{pixels} pixels"
        raise PassingError(f"{text} are more than the limit of {limit}; --max-pixels raises it")
