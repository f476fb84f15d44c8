"""The grid on which tiles lie: what a model, its engines and the tiler have to agree on."""

AUTO_TILE = 512
"""Side of a tile's core in pixels: large enough that the margins cost little."""


def round_up(size: int, multiple: int) -> int:
    """Return the smallest multiple that is at least `size`."""
    return -(-size // multiple) * multiple
