"""What a file holds beside its pixels: EXIF, XMP, IPTC, resolution, texts."""

import struct
from typing import Any

from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile

from upscaler.images.exif import ExifBlock
from upscaler.images.iptc import iptc_of
from upscaler.images.jpeg_tables import jpeg_quality
from upscaler.images.picture import Picture
from upscaler.images.pixel_counts import enlarge_counts
from upscaler.images.xmp import kept_xmp, present_xmp

UPRIGHT = "upscaler: upright"
"""In the info of an image: its pixels are upright already, whatever its metadata say."""

_XMP_IN_PNG = "XML:com.adobe.xmp"
_COMMENT = "Comment"
"""What PNG calls the comment of a JPEG."""

_RAW_PROFILE = "Raw profile type "
"""How ImageMagick calls the EXIF, IPTC or XMP of a PNG; what is read of it is no text."""

LAYOUT = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 317, 320}
LAYOUT |= {280, 281, 282, 283, 290, 291, 293, 296, 301, 322, 323, 324, 325, 330, 332, 333, 334}
LAYOUT |= {336, 338, 339, 340, 341, 347, *range(512, 522), 529, 530, 531, 532, 37724}
"""Tags for how a TIFF lays its pixels out, or what a Picture has fields for."""

_APART = {700, 33723, 34377, 34675, 52545}
"""Tags of a TIFF for XMP, IPTC, Photoshop's blocks, the ICC profile and content credentials."""

_LEAST_DPI, _MOST_DPI = 0.1, 100_000
"""Beyond these it is a mistake, which other formats could not hold."""

_DIRECTORIES = {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo}

_ACROSS, _UNIT, _NO_UNIT = 282, 296, 1
"""The tags for a resolution and for what it is counted by, and its value for nothing."""

Facts = dict[str, Any]


def read_metadata(image: Image.Image, notes: list[str]) -> tuple[int, Facts]:
    """Return the orientation, 1 for upright, and the fields of a Picture, by name.

    Args:
        image: as Pillow opened it, loaded.
        notes: takes what had to be dropped, a phrase each.
    """
    getattr(image, "text", None)  # of a PNG, Pillow then reads what stands behind the pixels
    orientation, exif = _exif(image, notes)
    facts: Facts = {"exif": exif, "xmp": _xmp(image, notes), "iptc": iptc_of(image)}
    facts |= {"dpi": _dpi(image), "text": _text(image)}
    return orientation, facts | {"jpeg_quality": jpeg_quality(image)}


def exif_of(picture: Picture) -> bytes | None:
    """Return the EXIF of a picture with its present size and resolution."""
    if not picture.exif:
        return None
    try:
        block = ExifBlock(picture.exif)
        block.make_upright()
        block.set_size(picture.width, picture.height)
        enlarge_counts(block, *picture.enlarged)
        if picture.dpi:
            block.set_resolution(picture.dpi)
        return bytes(block)
    except (ValueError, struct.error):  # odd, but readers may make something of it
        return picture.exif


def xmp_of(picture: Picture) -> bytes | None:
    """Return the XMP of a picture: upright, with its present size."""
    if not picture.xmp:
        return None
    return present_xmp(picture.xmp, (picture.height, picture.width), picture.enlarged)


def _exif(image: Image.Image, notes: list[str]) -> tuple[int, bytes | None]:
    orientation, kept = 1, None
    try:
        found = image.getexif()
        orientation = _orientation(found, image, notes)
        content = image.info.get("exif") if image.format != "TIFF" else None
        kept = _upright(content) or _written_anew(found)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises almost anything on malformed EXIF
        notes.append(f"malformed EXIF dropped ({type(error).__name__})")
    return orientation, kept


def _orientation(found: Image.Exif, image: Image.Image, notes: list[str]) -> int:
    value = found.get(ExifTags.Base.Orientation, 1)
    if UPRIGHT in image.info:
        return 1
    if isinstance(value, int):
        return value
    notes.append("its orientation is no number: taken as upright")
    return 1


def _upright(content: Any) -> bytes | None:
    """Return the EXIF of an upright picture without a thumbnail, None if it is malformed."""
    if not isinstance(content, bytes):
        return None
    try:
        block = ExifBlock(content)
        block.make_upright()
    except (ValueError, struct.error):
        return None
    return bytes(block)


def _written_anew(found: Image.Exif) -> bytes | None:
    """Return what Pillow could make of EXIF, without the tags that describe a TIFF's layout."""
    exif = Image.Exif()  # a copy: Pillow keeps the other for whoever asks again
    apart = LAYOUT | _APART | _DIRECTORIES | {ExifTags.Base.Orientation, ExifTags.IFD.Interop}
    for tag in set(found) - apart:
        exif[tag] = found[tag]
    _keep_letters(exif)
    for directory in _DIRECTORIES & set(found):
        tags = exif.get_ifd(directory)
        tags.update(found.get_ifd(directory))
        _keep_letters(tags)
    return exif.tobytes() if exif else None


def _keep_letters(tags: Any) -> None:
    """Put the bytes of each text in its place: Pillow writes back only what is ASCII."""
    for tag, value in list(tags.items()):
        if isinstance(value, str) and not value.isascii():
            tags[tag] = value.encode("latin-1", "replace")  # as Pillow read it


def _xmp(image: Image.Image, notes: list[str]) -> bytes | None:
    xmp = image.info.get("xmp") or image.info.get(_XMP_IN_PNG)
    if isinstance(xmp, str):
        xmp = xmp.encode()
    if not isinstance(xmp, bytes):
        return None
    return kept_xmp(xmp, notes)


def _decoded(text: bytes) -> str:
    """Return a text in UTF-8, or in Latin-1 if it is none."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    if "dpi" not in image.info or not _says_resolution(image):
        return None
    try:
        across, down = (round(float(value), 2) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    sane = all(_LEAST_DPI <= value <= _MOST_DPI for value in (across, down))
    return (across, down) if sane else None


def _says_resolution(image: Image.Image) -> bool:
    """Whether a file gives a resolution and its unit: Pillow makes up what is not there."""
    tags: Any = getattr(image, "tag_v2", {})
    if isinstance(image, JpegImageFile):
        if image.info.get("jfif_unit"):
            return True
        try:
            tags = image.getexif()
        except MemoryError:
            raise
        except Exception:  # malformed, which is said where it is read
            return False
    elif image.format != "TIFF":
        return True
    return _ACROSS in tags and tags.get(_UNIT) != _NO_UNIT


def _text(image: Image.Image) -> tuple[tuple[str, str], ...]:
    if image.format == "PNG":
        texts = getattr(image, "text", {})
        return tuple(
            (key, str(value))
            for key, value in texts.items()
            if key != _XMP_IN_PNG and not key.startswith(_RAW_PROFILE)
        )
    comment = image.info.get("comment")
    if image.format == "TIFF":
        comment = getattr(image, "tag_v2", {}).get(270)
        comment = comment.encode("latin-1", "replace") if isinstance(comment, str) else None
    if isinstance(comment, bytes):
        comment = _decoded(comment)
    return ((_COMMENT, comment),) if isinstance(comment, str) and comment else ()
