"""How large a tile is where nobody says it: what the network's memory allows."""

from math import isqrt

from upscaler.errors import UsageError
from upscaler.models.grid import AUTO_TILE
from upscaler.models.spec import EXACT, FEATHERED, ModelSpec

_LEAST = 64
"""Side of a tile's core in pixels, however little memory there is."""

_LARGEST = 8192
"""The same of tiles that are as large as memory allows."""


def tile_core(asked: int | str | None, spec: ModelSpec, memory: int, at_once: int) -> int | None:
    """Return the side of a tile's core in pixels, None for the whole picture.

    Tiles that come near to the whole picture only are as large as memory allows.

    Args:
        asked: a side in pixels, `auto`, or None for no tiles.
        memory: bytes that all tiles together may take.
        at_once: how many tiles are computed at the same time.

    Raises:
        UsageError: it is something else, or there have to be tiles.
    """
    if asked is None and (size := spec.tiling.size):
        raise UsageError(
            f"{spec.title} takes {size[1]}x{size[0]} pixels only; leave --tile none out"
        )
    if asked is None or (isinstance(asked, int) and asked > 0):
        return asked
    if asked != "auto":
        raise UsageError(f"tile is {asked!r}; give a number of pixels above 0, auto or none")
    if not spec.tiling.bytes_per_pixel:
        return AUTO_TILE
    side = isqrt(memory // at_once // spec.tiling.bytes_per_pixel) - 2 * spec.halo
    largest = _LARGEST if spec.tiling.kind == FEATHERED else AUTO_TILE
    return max(_LEAST, min(side // spec.alignment * spec.alignment, largest))


def tiling_note(spec: ModelSpec) -> str | None:
    """Return in a line how near tiles come to the whole picture; None if they give it exactly."""
    tiling, head = spec.tiling, f"{spec.title}:"
    far = f"in a trial on small pictures up to {tiling.deviation:g} of 255"
    if tiling.size:
        height, width = tiling.size
        return (
            f"{head} it takes {width}x{height} pixels only; where such tiles meet they differed "
            f"{far}, and {tiling.jump:g} at the cuts once they were blended"
        )
    if tiling.kind == FEATHERED:
        return (
            f"{head} it looks at more than the surroundings of a pixel, so that tiles were {far} "
            f"from the whole picture, {tiling.jump:g} at the cuts; --tile none computes it whole"
        )
    if tiling.kind == EXACT:
        return None
    return f"{head} its halo of {spec.halo} pixels is measured: {far} from the whole picture"
