"""Pictures that smaller ones are made from, or that others are compared with."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.errors import ImageError, UsageError
from upscaler.images.picture import eight_bits
from upscaler.images.read import open_picture


def open_reference(path: Path) -> NDArray[np.uint8]:
    """Read the colours of a picture, uint8 (H, W, 3): grey repeated, 16 bits rounded to 8.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        colours: NDArray[Any] = open_picture(path).rgb
    except ImageError as error:
        raise UsageError(f"{path}: {error}; take it out") from None
    return eight_bits(colours) if colours.dtype == np.uint16 else colours
