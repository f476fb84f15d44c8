"""From a file to a Picture: upright, RGB or grey with alpha, nothing dropped silently."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from upscaler.errors import ImageError
from upscaler.images.beside import beside
from upscaler.images.colour import (
    code_points_of,
    fitting_profile,
    profile_of,
    rgb_or_grey,
    upright_image,
    upright_pixels,
)
from upscaler.images.gif import gif_frames
from upscaler.images.limits import MAX_PIXELS, check_pixels
from upscaler.images.metadata import read_metadata
from upscaler.images.opening import opened
from upscaler.images.picture import Picture
from upscaler.images.psd import merged
from upscaler.images.riff import is_lossless_webp
from upscaler.images.sixteen_bit import (
    VipsTiff,
    has_unstated_channels,
    sixteen_bit_source,
    stores_sixteen_bits,
)
from upscaler.images.size import WITH_OTHERS, check_size, frames_of, shown_part, size_in
from upscaler.images.textures import tga_has_alpha

_NO_MEANING = "a channel whose meaning the file does not state is dropped"

_SUBFILE, _REDUCED = 254, 1
"""The tag of a TIFF page, and its bit, that make it a smaller copy of another page."""


def open_picture(path: Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read one image file.

    Args:
        max_pixels: in all frames together.

    Raises:
        ImageError: the file is missing, unreadable, no image, damaged or too large.
    """
    with opened(path, max_pixels) as (image, file):
        check_size(size_in(image, file), max_pixels)
        pages = _pictures(image, file, max_pixels) if image else _vips_pages(file)
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


def _pictures(image: Image.Image, file: IO[bytes], max_pixels: int) -> Iterator[Picture]:
    """Yield the frames or pages of a file, each as it shows."""
    frames = frames_of(image)
    notes = dropped(image, file)
    if image.format == "GIF" and frames > 1:
        yield from _gif_pictures(image, file, notes)
        return
    lossless = image.format == "WEBP" and is_lossless_webp(file)
    first = 1 if getattr(image, "default_image", False) and frames > 1 else 0
    if first:
        notes.append("dropped the still picture for viewers that show no animations")
    seen = 0
    for number in range(first, frames):
        if frames > 1:
            image.seek(number)
        if number > first and image.format == "TIFF" and _is_reduced(image):
            continue
        seen += image.width * image.height
        check_pixels(seen, max_pixels)
        picture = _picture(image, file, number, notes)
        if frames > 1 and image.format != "TIFF":
            shown = float(image.info.get("duration") or 0)
            loop = image.info.get("loop", 0 if image.format == "AVIF" else 1)
            picture = replace(picture, milliseconds=shown, loop=loop)
        yield replace(picture, lossless=True) if lossless else picture
        notes = []


def _gif_pictures(image: Image.Image, file: IO[bytes], notes: list[str]) -> Iterator[Picture]:
    image.load()
    _, facts = read_metadata(image, notes)
    for frame in gif_frames(file):
        yield Picture.from_pixels(
            frame.pixels,
            milliseconds=frame.milliseconds,
            loop=image.info.get("loop", 1),
            warnings=tuple(notes),
            **facts,
        )
        notes = []


def _picture(image: Image.Image, file: IO[bytes], number: int, notes: list[str]) -> Picture:
    source = sixteen_bit_source(image, file, number)
    if source is None:
        return _eight_bit_picture(_meant(image, file), notes, file)
    orientation, facts = read_metadata(image, notes)
    pixels = upright_pixels(source.pixels(), 1 if source.is_upright else orientation)
    icc = fitting_profile(profile_of(image, file), pixels.shape[2], notes)
    return Picture.from_pixels(pixels, icc=icc, warnings=tuple(notes), **facts)


def _meant(image: Image.Image, file: IO[bytes]) -> Image.Image:
    """Return an image with the transparency that is meant, where Pillow does not look for it."""
    if image.format == "PSD":
        return merged(image, file)
    if image.format == "TGA" and not tga_has_alpha(image, file):
        return image.convert("RGB")
    return image


def _eight_bit_picture(
    image: Image.Image, notes: list[str], file: IO[bytes] | None = None
) -> Picture:
    if not image.width or not image.height:
        raise ImageError(f"has no pixels: {image.width}x{image.height}")
    if stores_sixteen_bits(image):
        notes.append("reduced to 8 bits per channel")
    _widen_transparent_grey(image)
    _load(image)
    orientation, facts = read_metadata(image, notes)
    icc = profile_of(image, file)
    if file is not None and (box := shown_part(image, file)):
        image = image.crop(box)
    upright, icc = rgb_or_grey(upright_image(image, orientation), icc, notes)
    icc = fitting_profile(icc, len(upright.getbands()), notes)
    return Picture.from_pixels(np.asarray(upright), icc=icc, warnings=tuple(notes), **facts)


def _load(image: Image.Image) -> None:
    """Decode a frame; of an animated PNG also keep what was there before it.

    Pillow draws the frame into what it puts back after a frame that is to leave no trace, so that
    frames pile up (python-pillow 13.0).
    """
    before = getattr(image, "_prev_im", None)
    before = before.copy() if before is not None and image.format == "PNG" else None
    image.load()
    if before is not None:
        image._prev_im = before  # type: ignore[attr-defined]


def _vips_pages(file: IO[bytes]) -> Iterator[Picture]:
    """Yield the pages of a TIFF that Pillow knows nothing of."""
    for number in range(VipsTiff(file).pages):
        page = VipsTiff(file, number)
        pixels = upright_pixels(page.pixels(), page.orientation)
        notes = [_NO_MEANING] if page.has_unstated_channel else []
        facts = page.facts
        facts["icc"] = fitting_profile(facts["icc"], pixels.shape[2], notes)
        yield Picture.from_pixels(pixels, warnings=tuple(notes), **facts)


def _widen_transparent_grey(image: Image.Image) -> None:
    """Scale the grey that a PNG of 2 or 4 bits makes transparent, as Pillow scales its pixels."""
    key = image.info.get("transparency")
    layouts = [str(tile.args) for tile in getattr(image, "tile", None) or []]
    if image.mode == "L" and isinstance(key, int) and layouts[:1] in (["L;2"], ["L;4"]):
        image.info["transparency"] = key * 255 // (2 ** int(layouts[0][-1]) - 1)


def dropped(image: Image.Image, file: IO[bytes] | None = None) -> list[str]:
    """Return notes on the pictures beside the main one, and on what Pillow does not keep.

    Args:
        file: that it was opened from, if from one.
    """
    notes = []
    points = code_points_of(image, file)
    if points is not None and not points.has_profile:
        notes.append(points.warning)
    if has_unstated_channels(image):
        notes.append(_NO_MEANING)
    notes += beside(image, file) if file is not None else []
    if image.format in WITH_OTHERS and (count := getattr(image, "n_frames", 1)) > 1:
        notes.append(f"kept the main picture of {count} (a gain map or preview is dropped)")
    if image.mode != "I;16" and image.info.get("bit_depth", 8) > 8:
        notes.append("reduced to 8 bits per channel")
    return notes


def _is_reduced(page: Image.Image) -> bool:
    return bool(getattr(page, "tag_v2", {}).get(_SUBFILE, 0) & _REDUCED)
