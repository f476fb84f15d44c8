"""Image files in and out, with everything they carry."""

from upscaler.images.alpha import fill_hidden, keep_flat
from upscaler.images.encode import Encoding, image_from
from upscaler.images.fit import fit
from upscaler.images.formats import (
    FORMATS,
    Format,
    format_of,
    images_in,
    is_image_name,
    kept_format,
)
from upscaler.images.limits import MAX_PIXELS
from upscaler.images.not_read import NOT_READ
from upscaler.images.picture import Picture
from upscaler.images.process import set_for_process
from upscaler.images.read import open_picture, picture_from
from upscaler.images.reference import open_reference
from upscaler.images.resample import resample
from upscaler.images.rows import Rows, open_rows
from upscaler.images.size import PictureSize, picture_size, upright_size
from upscaler.images.small import LARGEST, SmallCopy, kind_of, open_small
from upscaler.images.wrapping import around, inside
from upscaler.images.write import (
    Surroundings,
    Written,
    drop_unfinished,
    save_picture,
    save_strips,
    sweep,
    sync_folders,
)

__all__ = [
    "FORMATS",
    "LARGEST",
    "MAX_PIXELS",
    "NOT_READ",
    "Encoding",
    "Format",
    "Picture",
    "PictureSize",
    "Rows",
    "SmallCopy",
    "Surroundings",
    "Written",
    "around",
    "drop_unfinished",
    "fill_hidden",
    "fit",
    "format_of",
    "image_from",
    "images_in",
    "inside",
    "is_image_name",
    "keep_flat",
    "kept_format",
    "kind_of",
    "open_picture",
    "open_reference",
    "open_rows",
    "open_small",
    "picture_from",
    "picture_size",
    "resample",
    "save_picture",
    "save_strips",
    "set_for_process",
    "sweep",
    "sync_folders",
    "upright_size",
]
