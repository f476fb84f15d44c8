"""What is not kept of a file is said, and nothing points to it any more."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from upscaler.images import FORMATS, open_picture, open_rows, save_picture
from upscaler.images.png import write_chunk

CREDENTIALS = "dropped the content credentials (C2PA): they vouch for the original only"
PATHS = "dropped the clipping paths of Photoshop"
NAMESPACES = b"xmlns:GCamera='g' xmlns:Container='c' xmlns:xmpNote='n' xmlns:dcterms='d'"


def segment(number, content):
    return bytes([0xFF, 0xE0 + number]) + struct.pack(">H", len(content) + 2) + content


def box(kind, content):
    return struct.pack(">I", len(content) + 8) + kind + content


JUMB = box(b"jumb", box(b"jumd", b"c2pa\0\x11\0\x10" + bytes(8) + b"\x03c2pa\0"))
PATH = (
    b"8BIM" + struct.pack(">H", 2999) + b"\0\0" + struct.pack(">I", 12) + b"\x06Path 1" + bytes(5)
)
EXTENDED = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">II", 9, 0) + b"x" * 9


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (segment(11, b"JP\0\1\0\0\0\1" + JUMB), CREDENTIALS),
        (segment(13, b"Photoshop 3.0\0" + PATH), PATHS),
        (
            segment(1, EXTENDED),
            "dropped the further XMP of 84 bytes, which has no place in one piece",
        ),
    ],
)
def test_segments_of_a_jpeg(tmp_path, photo, extra, words):
    path = tmp_path / "in.jpg"
    Image.fromarray(photo).save(path)
    content = path.read_bytes()
    path.write_bytes(content[:2] + extra + content[2:])
    assert open_picture(path).warnings == (words,)
    with open_rows(path) as rows:
        assert rows.facts.warnings == (words,)


def test_chunks_of_a_png(tmp_path, photo):
    path = tmp_path / "in.png"
    Image.fromarray(photo).save(path)
    content = path.read_bytes()
    with path.open("wb") as file:
        file.write(content[:33])
        write_chunk(file, b"caBX", JUMB)
        file.write(content[33:])
    assert open_picture(path).warnings == (CREDENTIALS,)


def test_chunks_of_a_webp(tmp_path, photo):
    path = tmp_path / "in.webp"
    Image.fromarray(photo).save(path, exif=Image.Exif().tobytes() + b"II*\0")
    content = bytearray(path.read_bytes() + b"C2PA" + struct.pack("<I", len(JUMB)) + JUMB)
    content[4:8] = struct.pack("<I", len(content) - 8)
    path.write_bytes(content)
    assert open_picture(path).warnings == (CREDENTIALS,)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ((52545, 7, len(JUMB), JUMB, True), CREDENTIALS),
        ((34377, 7, len(PATH), PATH, True), PATHS),
    ],
)
def test_tags_of_a_tiff(tmp_path, photo, tag, words):
    tifffile.imwrite(tmp_path / "in.tif", photo, photometric="rgb", extratags=[tag])
    picture = open_picture(tmp_path / "in.tif")
    assert picture.warnings == (words,)
    save_picture(picture, tmp_path / "out.tif", FORMATS["tiff"])
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert tag[0] not in file.pages[0].tags


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + JUMB), CREDENTIALS),
        (box(b"mpvd", bytes(20)), "dropped the video of a motion photo"),
    ],
)
def test_boxes_of_an_avif(tmp_path, photo, extra, words):
    Image.fromarray(photo).save(tmp_path / "in.avif")
    with (tmp_path / "in.avif").open("ab") as file:
        file.write(extra)
    assert open_picture(tmp_path / "in.avif").warnings == (words,)


GONE = (
    b"GCamera:MotionPhoto='1' GCamera:MicroVideoOffset=\"32\" xmpNote:HasExtendedXMP='AB' "
    b"dcterms:provenance='self#jumbf=c2pa'"
)
ELEMENTS = (
    b"<GCamera:MotionPhoto>1</GCamera:MotionPhoto>\n<GCamera:MicroVideoOffset>32"
    b"</GCamera:MicroVideoOffset><Container:Directory><rdf:Seq><rdf:li>Item:Mime='video/mp4'"
    b"</rdf:li></rdf:Seq></Container:Directory>"
)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
def test_what_points_to_what_is_gone_goes_with_it(tmp_path, photo, extension):
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description " + NAMESPACES + b" " + GONE
    xmp += b" dc:title='kept' dcterms:created='kept, too'>" + ELEMENTS
    xmp += b"</rdf:Description></x:xmpmeta>"
    path = tmp_path / f"in.{extension}"
    Image.fromarray(photo).save(path, **({} if extension == "png" else {"xmp": xmp}))
    if extension == "png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        Image.fromarray(photo).save(path, pnginfo=info)
    picture = open_picture(path)
    for word in (b"Motion", b"Micro", b"video", b"HasExtended", b"self#", b"Container:Dir"):
        assert word not in picture.xmp
    assert b"dc:title='kept' dcterms:created='kept, too'>" in picture.xmp
    assert picture.xmp.endswith(b"></rdf:Description></x:xmpmeta>") or b"\n" in picture.xmp
    assert picture.warnings == ("dropped what its XMP says of the video of a motion photo",)


def test_nothing_is_said_of_a_plain_picture(tmp_path, photo):
    for name, kind in FORMATS.items():
        save_picture(open_plain(tmp_path, photo), tmp_path / f"in.{name}", kind)
        assert open_picture(tmp_path / f"in.{name}").warnings == ()


def open_plain(folder, photo):
    Image.fromarray(np.asarray(photo)).save(folder / "plain.png")
    return open_picture(folder / "plain.png")
