"""Pillow's Lanczos: no network, the floor of quality and the ceiling of speed."""

from folder import arguments, each
from PIL import Image

source, output, scale = arguments()
each(
    source,
    output,
    lambda image: image.resize(
        (image.width * scale, image.height * scale), Image.Resampling.LANCZOS
    ),
)
