"""HEIC pictures, as phones take them: read by pillow-heif, which is an extra of its own.

It brings a decoder under the LGPL and patents may be claimed on the format, so nobody gets it
without asking.
"""

from typing import IO, Any

from PIL import Image

from upscaler.errors import PassingError

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")


def is_heic(file: IO[bytes]) -> bool:
    """Whether a file begins as one; AVIF, which begins alike, is another matter."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


def open_heic(file: IO[bytes]) -> Image.Image:
    """Open a HEIC file at its main picture, upright.

    Raises:
        PassingError: pillow-heif is not installed.
    """
    try:
        import pillow_heif
    except ModuleNotFoundError:
        raise PassingError("a HEIC picture; pip install pillow-heif to read it") from None
    plugin: Any = pillow_heif
    image: Image.Image = plugin.HeifImageFile(file)  # so nothing is registered with Pillow
    return image
