"""Image files in and out, with everything they carry."""

from upscaler.images.alpha import fill_hidden, keep_flat
from upscaler.images.formats import FORMATS, Format, format_of
from upscaler.images.picture import Picture
from upscaler.images.read import open_picture, picture_from, picture_size
from upscaler.images.write import Encoding, copy_file, image_from, save_picture, sweep

__all__ = [
    "FORMATS",
    "Encoding",
    "Format",
    "Picture",
    "copy_file",
    "fill_hidden",
    "format_of",
    "image_from",
    "keep_flat",
    "open_picture",
    "picture_from",
    "picture_size",
    "save_picture",
    "sweep",
]
