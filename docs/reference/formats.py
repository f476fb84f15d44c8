"""Measure what each output format keeps of each kind of input, and set it out as Markdown."""

import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms

from upscaler.errors import ImageError
from upscaler.images import (
    FORMATS,
    NOT_READ,
    Encoding,
    Format,
    Picture,
    open_picture,
    save_picture,
)

FIELDS = {"icc": "ICC", "exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "dpi": "DPI", "text": "text"}
_SIDE = 24
_SHADES = np.random.default_rng(1).integers(0, 65536, (_SIDE, _SIDE, 4), np.uint16)


def _everything() -> dict[str, object]:
    """Return all that a file may say beside its pixels."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "A camera"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "icc": srgb[:24] + bytes(12) + srgb[36:],  # without the time of its making
        "exif": exif.tobytes(),
        "xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        "iptc": b"\x1c\x02\x78\x00\x05Hello",
        "dpi": (300.0, 300.0),
        "text": (("Comment", "hello"),),
    }


def _ours(channels: int, bits: int, extension: str) -> Callable[[Path], Path]:
    """Return what writes a picture with all that it may carry."""

    def make(folder: Path) -> Path:
        pixels = _SHADES[..., :channels] if bits == 16 else (_SHADES[..., :channels] >> 8)
        pixels = pixels.astype(np.uint16 if bits == 16 else np.uint8)
        if channels in (2, 4):
            pixels[0, 0, -1] = np.iinfo(pixels.dtype).max // 2
            pixels[1:, :, -1] = np.iinfo(pixels.dtype).max
        facts = _everything()
        if channels < 3:
            facts["icc"] = None
        path = folder / f"in.{extension}"
        save_picture(Picture.from_pixels(pixels, **facts), path, FORMATS[extension])
        return path

    return make


def _pillow(mode: str, extension: str, frames: int = 1) -> Callable[[Path], Path]:
    """Return what writes a picture of one of Pillow's modes."""

    def make(folder: Path) -> Path:
        smooth = np.kron(_SHADES[:6, :6, :3] >> 8, np.ones((4, 4, 1))).astype(np.uint8)
        pictures = [Image.fromarray(smooth + 9 * n).convert(mode) for n in range(frames)]
        path = folder / f"in.{extension}"
        options = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
        if frames > 1 and extension != "tiff":
            options["duration"] = 100
        pictures[0].save(path, **options)
        return path

    return make


def _anymap(folder: Path) -> Path:
    path = folder / "in.ppm"
    header = f"P6 {_SIDE} {_SIDE} 65535\n".encode()
    path.write_bytes(header + _SHADES[..., :3].astype(">u2").tobytes())
    return path


def _lossless_webp(folder: Path) -> Path:
    pixels = (_SHADES[..., :3] >> 8).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "in.webp", lossless=True)
    return folder / "in.webp"


def _photoshop(folder: Path) -> Path:
    """Write a Photoshop file of one picture, without layers."""
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, _SIDE, _SIDE, 8, 3)
    planes = (_SHADES[..., :3] >> 8).astype(np.uint8).transpose(2, 0, 1).tobytes()
    (folder / "in.psd").write_bytes(head + bytes(12) + bytes(2) + planes)
    return folder / "in.psd"


KINDS: dict[str, Callable[[Path], Path]] = {
    "PNG, grey": _ours(1, 8, "png"),
    "PNG, grey with alpha": _ours(2, 8, "png"),
    "PNG, RGB": _ours(3, 8, "png"),
    "PNG, RGB with alpha": _ours(4, 8, "png"),
    "PNG, grey, 16 bits": _ours(1, 16, "png"),
    "PNG, RGB, 16 bits": _ours(3, 16, "png"),
    "PNG, RGB with alpha, 16 bits": _ours(4, 16, "png"),
    "PNG, black and white": _pillow("1", "png"),
    "PNG, palette": _pillow("P", "png"),
    "APNG, 3 frames": _pillow("RGB", "png", 3),
    "JPEG, RGB": _ours(3, 8, "jpg"),
    "JPEG, grey": _ours(1, 8, "jpg"),
    "JPEG, CMYK without a profile": _pillow("CMYK", "jpg"),
    "WebP": _ours(4, 8, "webp"),
    "WebP, lossless": _lossless_webp,
    "WebP, 3 frames": _pillow("RGB", "webp", 3),
    "TIFF, grey": _ours(1, 8, "tiff"),
    "TIFF, RGB with alpha": _ours(4, 8, "tiff"),
    "TIFF, RGB, 16 bits": _ours(3, 16, "tiff"),
    "TIFF, grey with alpha, 16 bits": _ours(2, 16, "tiff"),
    "TIFF, 3 pages": _pillow("RGB", "tiff", 3),
    "TIFF, 32 bits": _pillow("F", "tiff"),
    "AVIF": _ours(4, 8, "avif"),
    "BMP": _pillow("RGB", "bmp"),
    "GIF": _pillow("P", "gif"),
    "GIF, 3 frames": _pillow("P", "gif", 3),
    "PPM, 16 bits": _anymap,
    "ICO": _pillow("RGB", "ico"),
    "TARGA": _pillow("RGB", "tga"),
    "DDS": _pillow("RGB", "dds"),
    "JPEG 2000": _pillow("RGB", "jp2"),
    "PSD": _photoshop,
}


def table() -> str:
    """Return the document."""
    lines = [
        "# Formats",
        "",
        "Measured by `python docs/reference/generate.py`: each input with all that its format may",
        "say, read and written as each output format. *exact*: every pixel; *lossy*: as its coder",
        "does; *on white*: transparency laid on white; *8 bits*: reduced from 16; after a",
        "minus what the format has no place for. What is reduced or dropped is said in a",
        "warning, once for each file. In plain words: [formats and metadata]"
        "(../guide/formats-and-metadata.md).",
        "",
        "| input | " + " | ".join(FORMATS) + " |",
        "|---" * (1 + len(FORMATS)) + "|",
    ]
    for name, make in KINDS.items():
        with tempfile.TemporaryDirectory() as scratch:
            cells = [_cell(make(Path(scratch)), kind) for kind in FORMATS.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _NOTES, *_not_read()])


def _not_read() -> list[str]:
    """Return the table of what is not read, in the order of its reasons."""
    kinds: dict[str, list[str]] = {}
    for extension, why in NOT_READ.items():
        kinds.setdefault(why, []).append(extension)
    rows = [f"| {' '.join(extensions)} | {why} |" for why, extensions in kinds.items()]
    return [*_UNREAD.splitlines(), *rows, ""]


def _cell(source: Path, kind: Format) -> str:
    try:
        picture = open_picture(source)
        target = source.parent / f"out{kind.extensions[0]}"
        save_picture(picture, target, kind, Encoding(95))
    except ImageError:
        return "refused"
    again = open_picture(target)
    lossy = kind.lossy and not again.lossless
    parts = ["lossy" if lossy else "exact" if _same(picture, again) else "changed"]
    if picture.alpha is not None and again.alpha is None:
        parts = ["on white"]
    if picture.is_sixteen_bit and not again.is_sixteen_bit:
        parts = [part for part in parts if part != "changed"] + ["8 bits"]
    lost = [
        words
        for field, words in FIELDS.items()
        if getattr(picture, field) and not getattr(again, field)
    ]
    return ", ".join(parts) + (" - " + ", ".join(lost) if lost else "")


def _same(picture: Picture, again: Picture) -> bool:
    if len(picture.following) != len(again.following):
        return False
    pairs = zip((picture, *picture.following), (again, *again.following), strict=True)
    return all(
        np.array_equal(one.rgb, other.rgb) and one.milliseconds == other.milliseconds
        for one, other in pairs
    )


_NOTES = """\
## What is kept and changed

- The ICC profile's bytes are kept; a PNG without one that gives gamma or chromaticities gets a
  profile that says the same, unless it is sRGB. So do PNG, AVIF and HEIC that give their colours by
  code points (cICP, nclx): Display P3, BT.2020 and others. PQ and HLG have no such profile; the
  values are kept and a warning says what they were. A profile of RGB in a grey picture becomes
  one of grey with the same tone curve, and the other way around. CMYK becomes sRGB through its
  profile; with a broken profile it is refused, without one it is converted by the plain formula.
- EXIF: the orientation is applied and taken out, size and resolution are updated, the thumbnail is
  dropped; all else stays byte for byte, GPS and MakerNote included. In TIFF it is written anew.
- Numbers that count pixels grow with the picture: the place of the subject and the pixels of the
  sensor in EXIF, the parts of a panorama (GPano) and the size that faces are marked in, in XMP.
- GeoTIFF: each place stays where it is on the map. The size of a pixel shrinks, tie points stay.
- XMP: orientation and size are updated. DPI grow with the picture, so that a print stays as large.
  Without a unit there is no resolution, and none is made up. `--strip-metadata` drops all but the
  profile.
- Colour under full transparency is filled from its surroundings before the network sees it, but not
  with `--alpha separate`.
- A channel of a TIFF beyond its colours is transparency if the file says so or says nothing of it.
  One that the file calls unspecified is dropped, with a warning.
- Of an AVIF or HEIC, the part that it says is to be shown (clap).
- Formats without an output of their own (GIF, ICO, PNM, TARGA, DDS, JPEG 2000, PSD, HEIC, JPEG XL)
  come out as PNG, animations as APNG. `.mpo` and names such as `.jpg_large` come out as `.jpg`. A
  TIFF page that is a smaller copy of another is left out.
- Lossless WebP stays lossless; `--quality` is for the other WebP files.

## What is dropped, with a warning

- A gain map or preview behind a JPEG's main picture, and the XMP about it.
- The video of a motion photo, and the XMP that points to it. Whatever else stands behind the end of
  a JPEG.
- Extended XMP of a JPEG, which is longer than one segment, and the pointer to it.
- Content credentials (C2PA): they vouch for the original only.
- Clipping paths of Photoshop; its layers; channels beside the colours that are no transparency.
- Further sides of a DDS cube, and its light values beyond white.
- Bits: animated PNG of 16 bits, plain-text PNM of more than 8, JPEG 2000, HEIC and JPEG XL of more
  than 8 are reduced to 8.
- The fourth channel of a TARGA file that does not call it transparency.

A JPEG whose end mark is missing is read if its picture is complete, with a warning.

## What is read by an extra

- HEIC, where pillow-heif is installed (`pip install 'upscaler-aeu[heic]'`): its main picture.
- JPEG XL, where pillow-jxl-plugin is installed (`pip install 'upscaler-aeu[jxl]'`; it is under the
  GPL): still pictures, and JPEG files that were packed into it.

## What is not read

Files are known by their content, folders are searched by names. What is not read is named at the
end of a run, `not read: 500 .cr2, 12 .pdf`. Where there is nothing else, the exit code is 3.

- Camera raw is refused by its content, too, if it is called `.tif` or `.jpg`: the small picture in
  it is not the photograph.
- Photoshop files of 16 or 32 bits a channel, with a channel for each ink, or without a merged
  picture. TIFF of 32 bits, of signed values, or compressed as JPEG 2000, JPEG XL, LERC or JBIG.
  Animations in JPEG XL. "not supported" says that such a file is not damaged.
- Damaged files fail alone, with one line. A collection of difficult ones, file by file:
  [corpus.md](../lab/corpus.md).
- Folders that hold thumbnails, waste or the files of another program are not entered: `@eaDir`,
  `#recycle`, `@Recycle`, `$RECYCLE.BIN`, `lost+found`, `*.photoslibrary`, `*.lrdata`, hidden ones
  and a few more. They are named, too. To read one, give it as IN.
"""

_UNREAD = """\
| names | what it is, and what to do |
|---|---|
"""
