"""Pictures of more than 8 bits a channel, which Pillow would cut to 8 without a word.

libvips reads them from PNG, TIFF and AVIF. Portable anymaps are so plain that numpy does.
"""

import struct
from typing import IO, Any, Protocol

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from upscaler.errors import ImageError
from upscaler.images.alpha import straight
from upscaler.images.failure import reading_failed
from upscaler.images.isobmff import main_picture
from upscaler.images.vips import KINDS, pyvips, reason

_PEAK = np.iinfo(np.uint16).max

_BITS, _CHANNELS, _PLANES, _SAMPLE_FORMAT = 258, 277, 284, 339
"""Tags of a TIFF: bits a channel, channels, how they lie, whether values are signed."""
_APART, _SIGNED = 2, 2
_UNSTATED = 0
"""What a channel beyond the colours is, in the tag ExtraSamples."""

SixteenBits = NDArray[np.uint16]


class SixteenBitSource(Protocol):
    """One picture in an open file."""

    is_upright: bool
    """Whether its pixels come turned as they are meant."""

    def pixels(self) -> SixteenBits:
        """Return (H, W, 1 to 4), the full range of the type.

        Raises:
            ImageError: they are damaged, or neither grey nor RGB of 16 bits.
        """


def sixteen_bit_source(image: Image.Image, file: IO[bytes], number: int) -> SixteenBitSource | None:
    """Return the picture that Pillow opened if it has more than 8 bits a channel, None if not.

    Args:
        file: that it was opened from.
        number: of the frame or page that Pillow stands at.

    Raises:
        ImageError: the file is damaged.
    """
    if image.format == "AVIF" and getattr(image, "n_frames", 1) == 1:
        avif = _Avif(file)
        return avif if avif.bits > 8 else None
    if not stores_sixteen_bits(image):
        return None
    if image.format == "TIFF":
        _refuse_planar_grey(image)
        return VipsTiff(file, number)
    if image.format == "PNG" and number == 0 and getattr(image, "n_frames", 1) == 1:
        return _ByVips(pyvips.Image.pngload_buffer, file)
    if image.format == "PPM" and _tiles(image)[0].codec_name in ("ppm", "raw"):
        return _Anymap(image, file)
    return None


def _tiles(image: Image.Image) -> list[Any]:
    """Return how Pillow found the pixels stored, if it opened a file."""
    return getattr(image, "tile", None) or []


def stores_sixteen_bits(image: Image.Image) -> bool:
    """Whether the pixels are stored with 9 to 16 bits a channel.

    Raises:
        ImageError: a TIFF of signed values.
    """
    if image.mode.startswith("I;16"):
        return True
    if image.format == "TIFF":  # of planes, Pillow's layouts do not tell
        tags = getattr(image, "tag_v2", {})
        if _SIGNED in tags.get(_SAMPLE_FORMAT, ()) and image.mode not in ("I", "F"):
            raise ImageError("holds signed values, which are not supported")
        return bool(8 < max(tags.get(_BITS, (8,))) <= 16)
    for tile in _tiles(image):
        layout = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        if image.format == "PPM" and len(layout) > 1 and int(layout[1]) > 255:
            return True
        # BGR;16 is a BMP of five or six bits a channel
        if ";16" in str(layout[0]) and layout[0] != "BGR;16":
            return True
    return False


def has_unstated_channels(image: Image.Image) -> bool:
    """Whether a TIFF has channels beside those that Pillow makes a picture of.

    A channel beyond the colours is transparency if the file says so, or says nothing of it; where
    it says that it may be anything, Pillow leaves it out.
    """
    channels = getattr(image, "tag_v2", {}).get(_CHANNELS, 1)
    return image.format == "TIFF" and bool(channels > len(image.getbands()))


def _refuse_planar_grey(image: Image.Image) -> None:
    """Refuse what libvips reads as noise: grey in one plane, transparency in another."""
    tags = getattr(image, "tag_v2", {})
    if tags.get(_PLANES) == _APART and len(tags.get(_BITS, ())) == 2:
        raise ImageError("holds grey and transparency in planes of 16 bits, which is not supported")


class _ByVips:
    """What a loader of libvips makes of a file."""

    def __init__(
        self, load: Any, file: IO[bytes], *, is_upright: bool = False, **options: Any
    ) -> None:
        self.is_upright, self._shifted = is_upright, is_upright
        self._file = file
        file.seek(0)
        try:
            # anything less than `error` takes half a TIFF for a whole one
            self._image: Any = load(file.read(), fail_on="error", **options)
        except pyvips.Error as error:
            raise reading_failed(reason(error), file) from None

    @property
    def bits(self) -> int:
        """Per channel."""
        return int(self._field("bits-per-sample") or 8)

    def pixels(self) -> SixteenBits:
        """Return (H, W, 1 to 4) of the full range; see `SixteenBitSource`."""
        try:
            pixels: NDArray[Any] = self._image.numpy()
        except pyvips.Error as error:
            raise reading_failed(reason(error), self._file) from None
        shape = self._image.height, self._image.width, self._image.bands
        pixels = pixels.reshape(shape)  # of a grey pixel alone it makes a number
        kind = self._image.interpretation
        if kind not in KINDS or pixels.dtype != np.uint16 or self._image.bands > 4:
            raise ImageError(f"holds {kind} pixels of {pixels.dtype}, which are not supported")
        if self._shifted:  # libvips moves 10 or 12 bits up, and white would be a light grey
            pixels = _full_range(pixels >> (16 - self.bits), (1 << self.bits) - 1)
        return pixels

    def _field(self, name: str) -> Any:
        return self._image.get(name) if self._image.get_typeof(name) else None


class _Avif(_ByVips):
    """The one picture of an AVIF file."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(pyvips.Image.heifload_buffer, file, is_upright=True)
        self._premultiplied = main_picture(file).premultiplied

    def pixels(self) -> SixteenBits:
        """Return (H, W, 1 to 4) of the full range; see `SixteenBitSource`."""
        pixels = super().pixels()
        return straight(pixels) if self._premultiplied else pixels


class VipsTiff(_ByVips):
    """A page of a TIFF, also of one that Pillow knows nothing of.

    Raises:
        ImageError: it is damaged.
    """

    def __init__(self, file: IO[bytes], page: int = 0) -> None:
        super().__init__(pyvips.Image.tiffload_buffer, file, page=page)
        self.has_unstated_channel = _states_no_meaning(file, page)
        """Whether the one beyond its colours is dropped: transparency would be stated."""

    def pixels(self) -> SixteenBits:
        """Return (H, W, 1 to 4) of the full range; see `SixteenBitSource`."""
        pixels = super().pixels()
        unstated = self.has_unstated_channel and pixels.shape[2] in (2, 4)
        return pixels[..., :-1] if unstated else pixels

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as they are stored."""
        return self._image.width, self._image.height

    @property
    def pages(self) -> int:
        """How many there are."""
        return int(self._field("n-pages") or 1)

    @property
    def orientation(self) -> int:
        """As in EXIF; 1 for upright."""
        return int(self._field("orientation") or 1)

    @property
    def facts(self) -> dict[str, Any]:
        """What the page holds beside its pixels, as fields of a Picture; libvips has no EXIF."""
        across, down = (round(25.4 * value, 2) for value in (self._image.xres, self._image.yres))
        resolved = self._field("resolution-unit") is not None and (across, down) != (25.4, 25.4)
        comment = self._field("image-description")
        return {
            "icc": self._bytes("icc-profile-data"),
            "xmp": self._bytes("xmp-data"),
            "iptc": self._bytes("iptc-data"),
            "dpi": (across, down) if resolved else None,
            "text": (("Comment", comment),) if comment else (),
        }

    def _bytes(self, name: str) -> bytes | None:
        value = self._field(name)
        return bytes(value) if value else None


def _states_no_meaning(file: IO[bytes], page: int) -> bool:
    """Whether a page of a TIFF says of the channel beyond its colours that it may be anything."""
    file.seek(0)
    try:
        with tifffile.TiffFile(file, name="of a picture") as tiff:
            kinds = tiff.pages[page].aspage().extrasamples
    except (tifffile.TiffFileError, LookupError, ValueError, struct.error):
        return False  # libvips has opened it, and knows better
    return bool(kinds) and kinds[0] == _UNSTATED


class _Anymap:
    """A binary PGM or PPM of two bytes a value, most significant first."""

    is_upright = True

    def __init__(self, image: Image.Image, file: IO[bytes]) -> None:
        (tile,) = _tiles(image)
        self._channels = 3 if image.mode == "RGB" else 1
        self._width, self._height = image.size
        self._largest = _PEAK if tile.codec_name == "raw" else int(tile.args[1])
        file.seek(tile.offset)
        self._data = file.read(2 * self._width * self._height * self._channels)

    def pixels(self) -> SixteenBits:
        """Return (H, W, 1 or 3) of the full range; see `SixteenBitSource`."""
        shape = self._height, self._width, self._channels
        if len(self._data) < 2 * int(np.prod(shape)):
            raise ImageError("damaged: the file is truncated")
        stored = np.frombuffer(self._data, ">u2").reshape(shape)
        if self._largest == _PEAK:
            return stored.astype(np.uint16)
        return _full_range(np.minimum(stored, self._largest), self._largest)


def _full_range(values: NDArray[Any], largest: int) -> SixteenBits:
    """Scale values in 0 to `largest` to the full range of the type."""
    return np.rint(values * np.float64(_PEAK / largest)).astype(np.uint16)
