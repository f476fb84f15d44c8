"""What Pillow and libvips keep for the whole process: a program sets it, a library never does."""

import ctypes
from contextlib import suppress

from PIL import Image, PngImagePlugin, _imaging

from upscaler.images.limits import MAX_PIXELS
from upscaler.images.vips import pyvips

_MOST_TEXT = 16 << 20


def set_for_process(max_pixels: int = MAX_PIXELS) -> None:
    """Set the limits of Pillow and libvips for a program that only upscales.

    Args:
        max_pixels: of an input. Pillow then refuses more by itself, also in what is hidden in an
            icon, which no caller of it can check.
    """
    Image.MAX_IMAGE_PIXELS = (max_pixels + 1) // 2  # it warns from there, refuses from twice it
    # PNG keeps profiles in packed chunks, which Pillow takes for an attack beyond 1 MB
    PngImagePlugin.MAX_TEXT_CHUNK = _MOST_TEXT
    pyvips.cache_set_max(0)  # each picture is read once
    _silence_libtiff()


def _silence_libtiff() -> None:
    """Keep the libtiff in Pillow from printing: what it says is in Pillow's errors, if anywhere."""
    with suppress(AttributeError, OSError):  # on Windows it is a part of Pillow that has no names
        library = ctypes.CDLL(_imaging.__file__)
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)
