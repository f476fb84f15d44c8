"""How strongly a JPEG file was compressed, by the tables in it."""

import numpy as np
from PIL import Image

from upscaler.quality.damage import LUMA_STEPS


def jpeg_quality(image: Image.Image) -> int | None:
    """Return the quality, 1 to 100 as libjpeg counts, that comes nearest; None if it is no JPEG."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return None
    percent = 100 * np.mean(tables[min(tables)]) / LUMA_STEPS.mean()
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return int(np.clip(round(quality), 1, 100))
