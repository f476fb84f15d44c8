"""From a Picture that fits a format to the bytes of a file."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upscaler.images import iptc, png
from upscaler.images.apng import Frame, write_animation
from upscaler.images.formats import Format
from upscaler.images.jpeg import write_jpeg
from upscaler.images.metadata import exif_of, xmp_of
from upscaler.images.picture import Picture
from upscaler.images.tiff import write_tiff

_EFFORT = 20
"""Of lossless WebP, 0 to 100: more takes a multiple of the time for 2 % smaller files."""

_FULL_CHROMA = 90
"""The quality from which JPEG and AVIF keep their colour at full resolution."""


@dataclass(frozen=True)
class Encoding:
    """How outputs are written, beside their format."""

    quality: int = 95
    """Of the lossy formats, 1 to 100."""
    png_level: int = 1
    """From fast (1) to small (9)."""
    strip: bool = False
    """Whether EXIF, XMP, IPTC, resolution and texts stay behind."""
    keep_times: bool = False
    """Whether the file gets its input's time."""


def encode(file: IO[bytes], picture: Picture, kind: Format, encoding: Encoding) -> None:
    """Write a picture, cut to what `kind` holds by `images.fit`, as a file of that format."""
    if kind.name == "png":
        _encode_png(file, picture, encoding.png_level)
    elif kind.name == "tiff":
        write_tiff(file, picture)
    else:
        _encode_by_pillow(file, picture, kind, encoding.quality)


def encode_strips(
    file: IO[bytes],
    frame: Picture,
    strips: Iterable[NDArray[Any]],
    kind: Format,
    encoding: Encoding,
) -> None:
    """Write a picture that is not in memory as a file of a format that is `streamed`.

    Args:
        file: open for reading and writing.
        frame: all of the picture but its pixels, as `Picture.as_frame` makes it.
        strips: (any height, W, 1 to 4), from top to bottom.
    """
    if kind.name == "png":
        head = png.header_chunk(frame.shape, frame.colour.dtype)
        chunks = _png_chunks(frame)
        png.write_png(file, head, strips, level=encoding.png_level, chunks=chunks)
    elif kind.name == "tiff":
        write_tiff(file, frame, strips)
    else:
        small = io.BytesIO()
        _encode_by_pillow(small, frame, kind, encoding.quality, Image.new("L", (1, 1)))
        write_jpeg(
            file,
            small.getvalue(),
            frame.shape,
            strips,
            quality=encoding.quality,
            full_chroma=encoding.quality >= _FULL_CHROMA,
        )


def image_from(picture: Picture) -> Image.Image:
    """Return the pixels of a Picture as a Pillow image of 8 bits (L, LA, RGB or RGBA)."""
    pixels = (picture.with_eight_bits() if picture.is_sixteen_bit else picture).pixels
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _encode_png(file: IO[bytes], picture: Picture, level: int) -> None:
    chunks = list(_png_chunks(picture))
    if not picture.following:
        pixels: NDArray[Any] = picture.pixels
        head = png.header_chunk(picture.shape, pixels.dtype)
        png.write_png(file, head, [pixels], level=level, chunks=chunks)
        return
    everything: list[Picture] = [picture, *picture.following]
    assert len({frame.colour.shape[:2] for frame in everything}) == 1  # as `images.read` makes them
    colours = max(frame.colour.shape[2] for frame in everything)
    transparent = any(frame.alpha is not None for frame in everything)
    frames = (
        Frame(_alike(frame, colours, transparent), frame.milliseconds or 0) for frame in everything
    )
    write_animation(
        file, frames, len(everything), loop=picture.loop or 0, level=level, chunks=chunks
    )


def _alike(frame: Picture, colours: int, transparent: bool) -> Any:
    """Return a frame's pixels with the channels that all frames of its animation get."""
    parts: list[Any] = [frame.rgb if colours == 3 else frame.colour]
    if transparent:
        opaque = np.full_like(frame.colour[..., :1], frame.peak)
        parts.append(opaque if frame.alpha is None else frame.alpha)
    return np.concatenate(parts, axis=2)


def _png_chunks(picture: Picture) -> Iterator[png.Chunk]:
    if picture.icc:
        yield png.icc_chunk(picture.icc)
    if picture.dpi:
        yield png.resolution_chunk(picture.dpi)
    if exif := exif_of(picture):
        yield png.exif_chunk(exif)
    if xmp := xmp_of(picture):
        yield png.xmp_chunk(xmp)
    if picture.iptc:
        yield png.text_chunk(*iptc.in_text(picture.iptc))
    for keyword, text in picture.text:
        yield png.text_chunk(keyword, text)


def _encode_by_pillow(
    file: IO[bytes],
    picture: Picture,
    kind: Format,
    quality: int,
    image: Image.Image | None = None,
) -> None:
    """Write a picture by Pillow.

    Args:
        image: what to write in the place of its pixels.
    """
    options: dict[str, Any] = {
        "icc_profile": picture.icc,
        "exif": exif_of(picture),
        "xmp": xmp_of(picture),
        "dpi": picture.dpi,
    }
    if kind.lossy:
        options["quality"] = quality
    if kind.name == "webp":
        options |= _webp_options(picture)
    if kind.name in ("jpg", "avif"):  # an enlarged picture shows halved colour at its edges
        options["subsampling"] = "4:4:4" if quality >= _FULL_CHROMA else "4:2:0"
    if kind.name == "jpg":
        options["comment"] = _comment(picture)
        options["extra"] = iptc.in_jpeg(picture.iptc) if picture.iptc else b""
    if kind.name == "avif":
        options["max_threads"] = 1  # the pipeline has threads of its own
    if picture.following:
        options["save_all"] = True
        options["append_images"] = [image_from(other) for other in picture.following]
        frames: list[Picture] = [picture, *picture.following]
        options["duration"] = [round(frame.milliseconds or 0) for frame in frames]
        options["loop"] = picture.loop or 0
    given = {name: value for name, value in options.items() if value is not None}
    (image or image_from(picture)).save(file, kind.pillow, **given)


def _webp_options(picture: Picture) -> dict[str, Any]:
    """Return the options of Pillow's WebP encoder, in which a picture without loss stays one."""
    if picture.lossless:  # the quality is how hard it tries
        return {"lossless": True, "exact": True, "quality": _EFFORT, "method": 2}
    # without `exact` the colours under full transparency are lost
    return {"method": 4, "exact": picture.alpha_is_data}


def _comment(picture: Picture) -> bytes | None:
    """Return the texts of a picture as one; each after its keyword, if there are several."""
    lines = [f"{keyword}: {text}" for keyword, text in picture.text]
    if len(picture.text) == 1:
        lines = [picture.text[0][1]]
    return "\n".join(lines).encode() or None
