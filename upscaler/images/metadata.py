"""What a file says beside its pixels: EXIF, XMP, IPTC, resolution, texts."""

import re
import struct
from typing import Any

from PIL import ExifTags, Image

from upscaler.images.picture import Picture

_XMP_IN_PNG = "XML:com.adobe.xmp"
_COMMENT = "Comment"
"""What PNG calls the comment of a JPEG."""

_IPTC_IN_PNG = "Raw profile type iptc"

_IPTC_BLOCK = 0x0404
"""Of the blocks that Photoshop keeps in a JPEG."""

_LAYOUT = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 317, 320}
_LAYOUT |= {282, 283, 296, 322, 323, 324, 325, 338, 339, 347, 529, 530, 531, 532}
"""Tags that say how a TIFF lays its pixels out, or what a Picture has fields for."""

_APART = {700, 33723, 34377, 34675}
"""Tags of a TIFF that hold XMP, IPTC, Photoshop's blocks and the ICC profile."""

_DIRECTORIES = {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo}

_GAIN_MAP = b"http://ns.adobe.com/hdr-gain-map/"

Facts = dict[str, Any]


def read_metadata(image: Image.Image, notes: list[str]) -> tuple[int, Facts]:
    """Return the orientation, 1 for upright, and the fields of a Picture, by name.

    Args:
        image: as Pillow opened it, loaded.
        notes: takes what had to be dropped, a phrase each.
    """
    orientation, exif = _exif(image, notes)
    facts = {"exif": exif, "xmp": _xmp(image, notes), "iptc": _iptc(image)}
    return orientation, facts | {"dpi": _dpi(image), "text": _text(image)}


def exif_of(picture: Picture) -> bytes | None:
    """Return the EXIF of a picture with its present size and resolution, without a thumbnail."""
    if not picture.exif:
        return None
    exif = Image.Exif()
    try:
        exif.load(picture.exif)
        _keep_letters(exif)
        tables: list[tuple[Any, int, int]] = [
            (exif, ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength)
        ]
        if ExifTags.IFD.Exif in exif:
            details = exif.get_ifd(ExifTags.IFD.Exif)
            _keep_letters(details)
            tables.append((details, ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight))
        for table, wide, high in tables:
            if wide in table:
                table[wide], table[high] = picture.width, picture.height
        if ExifTags.Base.Orientation in exif:
            exif[ExifTags.Base.Orientation] = 1
        if picture.dpi and ExifTags.Base.XResolution in exif:
            exif[ExifTags.Base.XResolution], exif[ExifTags.Base.YResolution] = picture.dpi
            exif[ExifTags.Base.ResolutionUnit] = 2  # inches
        return exif.tobytes()
    except Exception:  # Pillow raises almost anything on EXIF that is odd: keep it as it was
        return picture.exif


def xmp_of(picture: Picture) -> bytes | None:
    """Return the XMP of a picture: upright, with its present size."""
    if not picture.xmp:
        return None
    present = {
        "tiff:Orientation": 1,
        "tiff:ImageWidth": picture.width,
        "tiff:ImageLength": picture.height,
        "exif:PixelXDimension": picture.width,
        "exif:PixelYDimension": picture.height,
    }
    xmp = picture.xmp
    for name, value in present.items():
        pattern = rb"(" + name.encode() + rb"\s*(?:=\s*[\"']|>))\s*\d+"
        xmp = re.sub(pattern, rb"\g<1>" + str(value).encode(), xmp)
    return xmp


def iptc_in_jpeg(iptc: bytes) -> bytes:
    """Return IPTC records in the segment that a JPEG keeps them in, one of Photoshop's."""
    block = b"8BIM" + struct.pack(">HHI", _IPTC_BLOCK, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    content = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def iptc_in_text(iptc: bytes) -> tuple[str, str]:
    """Return IPTC records as keyword and text of a PNG, the way ImageMagick began it."""
    return _IPTC_IN_PNG, f"\niptc\n{len(iptc):8}\n{iptc.hex()}\n"


def _exif(image: Image.Image, notes: list[str]) -> tuple[int, bytes | None]:
    orientation, kept = 1, None
    try:
        exif = image.getexif()
        orientation = exif.pop(ExifTags.Base.Orientation, 1)
        if image.format == "TIFF":
            for tag in (_LAYOUT | _APART) & set(exif):
                del exif[tag]
        if exif:
            for directory in _DIRECTORIES & set(exif):
                _keep_letters(exif.get_ifd(directory))
            _keep_letters(exif)
            kept = exif.tobytes()
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises almost anything on malformed EXIF
        notes.append(f"malformed EXIF dropped ({type(error).__name__})")
    return orientation, kept


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
    if _GAIN_MAP in xmp:  # it would tell viewers to look for a gain map that is not there
        notes.append("dropped the XMP that describes a gain map")
        return None
    return xmp or None


def _iptc(image: Image.Image) -> bytes | None:
    if image.format == "TIFF":
        return _bytes(getattr(image, "tag_v2", {}).get(33723))
    if image.format == "PNG":
        return _from_hex(getattr(image, "text", {}).get(_IPTC_IN_PNG, ""))
    blocks = image.info.get("photoshop")
    return _bytes(blocks.get(_IPTC_BLOCK)) if isinstance(blocks, dict) else None


def _from_hex(profile: str) -> bytes | None:
    """Return what stands behind the name and the length in a `raw profile`."""
    try:
        return bytes.fromhex("".join(profile.split()[2:])) or None
    except ValueError:
        return None


def _bytes(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) and value else None


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    try:
        across, down = (round(float(value), 2) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (across, down) if across > 0 and down > 0 else None


def _text(image: Image.Image) -> tuple[tuple[str, str], ...]:
    if image.format == "PNG":
        texts = getattr(image, "text", {})
        apart = (_XMP_IN_PNG, _IPTC_IN_PNG)
        return tuple((key, str(value)) for key, value in texts.items() if key not in apart)
    comment = image.info.get("comment")
    if image.format == "TIFF":
        comment = getattr(image, "tag_v2", {}).get(270)
        comment = comment.encode("latin-1", "replace") if isinstance(comment, str) else None
    if isinstance(comment, bytes):
        comment = comment.decode("utf-8", "replace")
    return ((_COMMENT, comment),) if isinstance(comment, str) and comment else ()
