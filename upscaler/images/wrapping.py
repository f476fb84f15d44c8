"""Pictures that tile: what lies beyond an edge is what begins at the opposite one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def around(pixels: NDArray[Any], margin: int) -> NDArray[Any]:
    """Return (H, W, ...) with `margin` pixels more on each side, as if it were laid like a tile."""
    if not margin:
        return pixels
    rows, columns = (np.arange(-margin, size + margin) % size for size in pixels.shape[:2])
    surrounded: NDArray[Any] = pixels[rows[:, None], columns]
    return surrounded


def inside(pixels: NDArray[Any], margin: int) -> NDArray[Any]:
    """Undo `around`."""
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(pixels[margin : height - margin, margin : width - margin])
