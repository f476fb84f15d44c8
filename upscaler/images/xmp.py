"""XMP: what a picture's size has a say in is brought up to date; what points to nothing goes."""

import re
from collections.abc import Callable

_GAIN_MAP = b"http://ns.adobe.com/hdr-gain-map/"

_ACROSS = (
    *("GPano:CroppedAreaImageWidthPixels", "GPano:FullPanoWidthPixels"),
    *("GPano:CroppedAreaLeftPixels", "GPano:LargestValidInteriorRectLeft"),
    *("GPano:LargestValidInteriorRectWidth", "stDim:w"),
)
_DOWN = (
    *("GPano:CroppedAreaImageHeightPixels", "GPano:FullPanoHeightPixels"),
    *("GPano:CroppedAreaTopPixels", "GPano:LargestValidInteriorRectTop"),
    *("GPano:LargestValidInteriorRectHeight", "stDim:h"),
)
"""What counts pixels of the picture: parts of a panorama, and the size that faces are marked in."""

_VIDEO = rb"(?:GCamera|Camera):(?:MicroVideo|MotionPhoto)\w*"
_DIRECTORY = rb"Container:Directory"
_EXTENSION = rb"xmpNote:HasExtendedXMP"
_CREDENTIALS = rb"dcterms:provenance"
"""What says where in the file the video, the rest of the XMP and the content credentials are."""


def kept_xmp(xmp: bytes, notes: list[str]) -> bytes | None:
    """Return the XMP of a file without what would point to parts of it that are not kept.

    Args:
        notes: takes what is dropped, a phrase each.
    """
    if _GAIN_MAP in xmp:  # it would tell viewers to look for a gain map that is not there
        notes.append("dropped the XMP that describes a gain map")
        return None
    if (still := _without(_without(xmp, _VIDEO), _DIRECTORY)) != xmp:
        notes.append("dropped what its XMP says of the video of a motion photo")
    bare = _without(_without(still, _EXTENSION), _CREDENTIALS, rb"\s*self#")
    return bare or None


def present_xmp(xmp: bytes, size: tuple[int, int], enlarged: tuple[float, float]) -> bytes:
    """Return the XMP of a picture that is upright and has another size now.

    Args:
        size: the height and width in pixels.
        enlarged: how many times as high and as wide it has become.
    """
    height, width = size
    for name, value in {
        "tiff:Orientation": 1,
        "tiff:ImageWidth": width,
        "tiff:ImageLength": height,
        "exif:PixelXDimension": width,
        "exif:PixelYDimension": height,
    }.items():
        xmp = _number(name).sub(rb"\g<1>" + str(value).encode(), xmp)
    for names, times in ((_DOWN, enlarged[0]), (_ACROSS, enlarged[1])):
        for name in names:
            xmp = _number(name).sub(_multiply(times), xmp)
    return xmp


def _number(name: str) -> re.Pattern[bytes]:
    """Match a property that is a number, as an attribute or an element, and what is before it."""
    return re.compile(rb"(" + name.encode() + rb"\s*(?:=\s*[\"']|>)\s*)(\d+(?:\.\d+)?)")


def _multiply(times: float) -> Callable[[re.Match[bytes]], bytes]:
    return lambda found: found[1] + str(round(float(found[2]) * times)).encode()


def _without(xmp: bytes, name: bytes, begins: bytes = b"") -> bytes:
    """Take a property out, be it an attribute or an element with all that is in it.

    Args:
        begins: how its value begins, if any but that stays.
    """
    attribute = rb"\s" + name + rb"\s*=\s*(?:\"" + begins + rb"[^\"]*\"|'" + begins + rb"[^']*')"
    element = rb"<(" + name + rb")\b[^>]*?(?:/>|>" + begins + rb".*?</\1\s*>)"
    return re.sub(element, b"", re.sub(attribute, b"", xmp), flags=re.DOTALL)
