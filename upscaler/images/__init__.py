"""Image files in and out, with everything they carry."""

from upscaler.images.alpha import fill_hidden, keep_flat
from upscaler.images.encode import Encoding, image_from
from upscaler.images.fit import fit
from upscaler.images.formats import FORMATS, Format, format_of, kept_format
from upscaler.images.picture import Picture
from upscaler.images.read import (
    MAX_PIXELS,
    PictureSize,
    allow_pixels,
    open_picture,
    picture_from,
    picture_size,
    upright_size,
)
from upscaler.images.resample import resample
from upscaler.images.rows import Rows, open_rows
from upscaler.images.write import (
    Draft,
    save_picture,
    save_strips,
    sweep,
    sync_folders,
)

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "Draft",
    "Encoding",
    "Format",
    "Picture",
    "PictureSize",
    "Rows",
    "allow_pixels",
    "fill_hidden",
    "fit",
    "format_of",
    "image_from",
    "keep_flat",
    "kept_format",
    "open_picture",
    "open_rows",
    "picture_from",
    "picture_size",
    "resample",
    "save_picture",
    "save_strips",
    "sweep",
    "sync_folders",
    "upright_size",
]
