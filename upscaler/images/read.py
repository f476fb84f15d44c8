"""From a file to a Picture: upright, RGB or grey with alpha, nothing dropped silently."""

import io
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from upscaler.errors import ImageError, PassingError
from upscaler.images.colour import profile_of, rgb_or_grey, upright_image, upright_pixels
from upscaler.images.formats import READABLE
from upscaler.images.heic import is_heic, open_heic
from upscaler.images.metadata import read_metadata
from upscaler.images.picture import Picture
from upscaler.images.png import leading_chunks, without_pixels
from upscaler.images.sixteen_bit import DeepTiff, deep_file, has_deep_layout

# what Pillow's decoders raise on damaged or hostile input
_DECODE_ERRORS = (
    ArithmeticError,
    AssertionError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)

_TIFF = (b"II*\0", b"MM\0*")
"""How TIFF files begin."""

_WITH_OTHERS = ("MPO", "HEIF")
"""Formats of one picture, with gain maps, previews or others beside it."""

_SUBFILE, _REDUCED = 254, 1
"""The tag of a TIFF page, and its bit, that make it a smaller copy of another page."""

# PNG keeps profiles and texts in packed chunks, which Pillow takes for an attack beyond 1 MB
PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20

MAX_PIXELS = 250_000_000
"""In all frames of an input together, unless a run says otherwise."""


class PictureSize(NamedTuple):
    """What the header of a file says, before any rotation."""

    width: int
    height: int
    frames: int
    """Or pages."""
    deep: bool = False
    """Whether it may have more than 8 bits a channel."""

    @property
    def pixels(self) -> int:
        """In all frames together."""
        return self.width * self.height * self.frames


def allow_pixels(limit: int) -> None:
    """Refuse larger inputs from now on, in all threads; all frames of one count together.

    The limit is Pillow's, too, which also looks at what is hidden in an icon.
    """
    global _limit  # noqa: PLW0603 - Pillow's is as global
    _limit = limit
    Image.MAX_IMAGE_PIXELS = (limit + 1) // 2  # Pillow warns from there, and refuses from twice it


_limit = MAX_PIXELS
allow_pixels(MAX_PIXELS)


def picture_size(path: Path) -> PictureSize:
    """Return the size of a picture from the file's header alone.

    Raises:
        ImageError: the file is missing, unreadable or no image.
    """
    with opened(path) as (image, file):
        return _size_in(image, file)


def upright_size(path: Path) -> PictureSize:
    """Return the size of a picture as it is shown, without decoding its pixels.

    Raises:
        ImageError: the file is missing, unreadable, no image or too large.
    """
    with opened(path) as (image, file):
        size = _size_in(image, file)
        _check(size)
        if image is None:
            orientation = DeepTiff(file).orientation
        elif image.format == "TIFF":  # its size is that of the upright picture already
            orientation = 1
        else:
            with without_decoding(image, file) as bare:
                orientation, _ = read_metadata(bare, [])
        turned = 5 <= orientation <= 8  # by a quarter
        return size._replace(width=size.height, height=size.width) if turned else size


def _size_in(image: Image.Image | None, file: IO[bytes]) -> PictureSize:
    if image is None:
        deep = DeepTiff(file)
        return PictureSize(*deep.size, deep.pages, deep=True)
    # of an AVIF, Pillow does not tell
    may_be_deep = image.format == "AVIF" or has_deep_layout(image)
    return PictureSize(*image.size, frames_of(image), deep=may_be_deep)


@contextmanager
def without_decoding(image: Image.Image, file: IO[bytes]) -> Iterator[Image.Image]:
    """Give a picture for its metadata: of a PNG, Pillow would decode the pixels for them."""
    if image.format != "PNG":
        yield image
        return
    with Image.open(io.BytesIO(without_pixels(file)), formats=("PNG",)) as bare:
        yield bare


def open_picture(path: Path) -> Picture:
    """Read one image file.

    Raises:
        ImageError: the file is missing, unreadable, no image, damaged or too large.
    """
    with opened(path) as (image, file):
        pages = _pictures(image, file) if image else _deep_pages(file)
        first, *following = pages
        return replace(first, following=tuple(following))


def picture_from(image: Image.Image) -> Picture:
    """Turn an open Pillow image into a Picture; what Pillow holds is of 8 bits.

    Raises:
        ImageError: it has frames, or its pixels are damaged.
    """
    if (frames := frames_of(image)) > 1:
        raise ImageError(f"has {frames} frames; upscale them one by one")
    return _eight_bit_picture(image, dropped(image))


def _pictures(image: Image.Image, file: IO[bytes]) -> Iterator[Picture]:
    """Yield the frames or pages of a file, each as it shows."""
    frames = frames_of(image)
    check_size(image)
    notes = dropped(image, file)
    first = 1 if getattr(image, "default_image", False) and frames > 1 else 0
    if first:
        notes.append("dropped the still picture for viewers that show no animations")
    seen, canvas = 0, None
    for number in range(first, frames):
        if frames > 1:
            image.seek(number)
        if number > first and image.format == "TIFF" and _is_reduced(image):
            continue
        seen += image.width * image.height
        _check_count(seen)
        picture = _picture(image, file, number, notes)
        if frames > 1 and image.format != "TIFF":
            shown = float(image.info.get("duration") or 0)
            loop = image.info.get("loop", 0 if image.format == "AVIF" else 1)
            canvas = canvas or (picture.height, picture.width)
            picture = replace(_on_canvas(picture, canvas), milliseconds=shown, loop=loop)
        yield picture
        notes = []


def _picture(image: Image.Image, file: IO[bytes], number: int, notes: list[str]) -> Picture:
    deep = deep_file(image, file, number)
    if deep is None:
        return _eight_bit_picture(image, notes)
    orientation, facts = read_metadata(image, notes)
    pixels = upright_pixels(deep.pixels(), 1 if deep.is_upright else orientation)
    return Picture.from_pixels(pixels, icc=profile_of(image), warnings=tuple(notes), **facts)


def _eight_bit_picture(image: Image.Image, notes: list[str]) -> Picture:
    if not image.width or not image.height:
        raise ImageError(f"has no pixels: {image.width}x{image.height}")
    if has_deep_layout(image):
        notes.append("reduced to 8 bits per channel")
    _widen_transparent_grey(image)
    image.load()
    orientation, facts = read_metadata(image, notes)
    upright, icc = rgb_or_grey(upright_image(image, orientation), profile_of(image), notes)
    return Picture.from_pixels(np.asarray(upright), icc=icc, warnings=tuple(notes), **facts)


def _deep_pages(file: IO[bytes]) -> Iterator[Picture]:
    """Yield the pages of a TIFF that Pillow knows nothing of."""
    deep = DeepTiff(file)
    _check(PictureSize(*deep.size, deep.pages))
    for number in range(deep.pages):
        page = DeepTiff(file, number)
        pixels = upright_pixels(page.pixels(), page.orientation)
        yield Picture.from_pixels(pixels, **page.facts)


def _widen_transparent_grey(image: Image.Image) -> None:
    """Scale the grey that a PNG of 2 or 4 bits makes transparent, as Pillow scales its pixels."""
    key = image.info.get("transparency")
    layouts = [str(tile.args) for tile in getattr(image, "tile", None) or []]
    if image.mode == "L" and isinstance(key, int) and layouts[:1] in (["L;2"], ["L;4"]):
        image.info["transparency"] = key * 255 // (2 ** int(layouts[0][-1]) - 1)


def _on_canvas(picture: Picture, canvas: tuple[int, int]) -> Picture:
    """Cut off what a frame of a GIF has beyond the first one's height and width, or fill it up."""
    height, width = canvas
    if (picture.height, picture.width) == canvas:
        return picture
    missing = (0, max(0, height - picture.height)), (0, max(0, width - picture.width)), (0, 0)
    pixels: Any = np.pad(picture.pixels[:height, :width], missing)
    resized = Picture.from_pixels(pixels)
    return replace(picture, colour=resized.colour, alpha=resized.alpha)


def frames_of(image: Image.Image) -> int:
    """Return the number of frames or pages that count."""
    return 1 if image.format in _WITH_OTHERS else getattr(image, "n_frames", 1)


def dropped(image: Image.Image, file: IO[bytes] | None = None) -> list[str]:
    """Return what is said of the pictures beside the main one, and of what Pillow does not keep.

    Args:
        file: that it was opened from, if from one.
    """
    notes = []
    if file is not None and image.format == "PNG" and b"cICP" in leading_chunks(file):
        notes.append("the colours that it gives by cICP are not kept: they may look different")
    if image.format in _WITH_OTHERS and (count := getattr(image, "n_frames", 1)) > 1:
        notes.append(f"kept the main picture of {count} (a gain map or preview is dropped)")
    if image.format == "HEIF" and image.info.get("bit_depth", 8) > 8:
        notes.append("reduced to 8 bits per channel")
    return notes


def _is_reduced(page: Image.Image) -> bool:
    return bool(getattr(page, "tag_v2", {}).get(_SUBFILE, 0) & _REDUCED)


def check_size(image: Image.Image) -> None:
    """Refuse more pixels than the limit.

    Raises:
        PassingError: there are more.
    """
    _check(PictureSize(*image.size, frames_of(image)))


def _check(size: PictureSize) -> None:
    frames = f" in {size.frames} frames" if size.frames > 1 else ""
    _check_count(size.pixels, f"{size.width}x{size.height} pixels{frames}")


def _check_count(pixels: int, words: str = "") -> None:
    """Refuse more than the limit; another run may have another one."""
    if pixels > _limit:
        text = words or f"{pixels} pixels"
        raise PassingError(f"{text} are more than the limit of {_limit}; --max-pixels raises it")


@contextmanager
def opened(path: Path) -> Iterator[tuple[Image.Image | None, IO[bytes]]]:
    """Give a file, and the Pillow image in it; None for a TIFF that Pillow knows nothing of."""
    try:
        with _unchanged(path) as file:
            yield _identified(file), file
    except UnidentifiedImageError:
        if path.stat().st_size == 0:
            raise ImageError("the file is empty") from None
        raise ImageError(
            "not an image that can be read (PNG, JPEG, WebP, TIFF, AVIF, BMP, GIF, PNM, ICO), "
            "or its header is damaged"
        ) from None
    except Image.DecompressionBombError as error:
        found = next(iter(re.findall(r"\d+", str(error))), "they")
        raise PassingError(
            f"{found} pixels are more than the limit of {_limit}; --max-pixels raises it"
        ) from None
    except MemoryError:
        raise PassingError("does not fit into memory") from None
    except _DECODE_ERRORS as error:
        if isinstance(error, OSError) and error.strerror:
            raise PassingError(f"cannot be read: {error.strerror}") from None
        words = str(error) if isinstance(error, OSError | ValueError | SyntaxError) else ""
        raise ImageError(f"damaged: {words or type(error).__name__}") from None


def _identified(file: IO[bytes]) -> Image.Image | None:
    try:
        return Image.open(file, formats=READABLE)
    except UnidentifiedImageError:
        if is_heic(file):
            return open_heic(file)
        file.seek(0)
        if file.read(len(_TIFF[0])) in _TIFF:
            return None
        raise


@contextmanager
def _unchanged(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that is no pipe, which might never end, and stays as it is while it is read."""
    # without O_NONBLOCK, opening a pipe would wait for somebody who writes into it
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        before = os.fstat(number)
        if not stat.S_ISREG(before.st_mode):
            raise ImageError("is not a regular file")
        yield file
        check_unchanged(file, before)


def check_unchanged(file: IO[bytes], before: os.stat_result) -> None:
    """Raise PassingError if somebody wrote into an open file since it was looked at."""
    after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise PassingError("changed while it was being read")
