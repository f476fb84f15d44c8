"""How many small tiles go through a GPU in one call."""

GROUP_PIXELS = 256 * 256
"""Of input, from which on one call is taken to fill a GPU."""

LARGEST_GROUP = 8
"""Tiles in one call at most."""


def group_size(height: int, width: int) -> int:
    """Return how many tiles of a shape, margins included, are computed in one call on a GPU.

    It follows from the shape alone, and from its longer side, so that the largest group is as
    large as one square of GROUP_PIXELS: a power of two from 1 to LARGEST_GROUP.
    """
    fitting = GROUP_PIXELS // max(height, width) ** 2
    return min(LARGEST_GROUP, 1 << max(0, fitting.bit_length() - 1))
