"""What a file says beside its pixels, read back by a second library: libvips beside Pillow."""

import io
import struct

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from upscaler.images import FORMATS, Picture, iptc, open_picture, picture_from, save_picture
from upscaler.images.fit import fit

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" tiff:ImageWidth="53"/></x:xm>'
IPTC = b"\x1c\x02\x78\x00\x05Hello\x1c\x02\x50\x00\x03Ann"


def exif_bytes():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "A camera"
    exif[ExifTags.Base.Copyright] = "Ann Ö.".encode()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2020:02:03 04:05:06"
    details[ExifTags.Base.ExposureTime] = 0.005
    details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight] = 53, 37
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif.tobytes()


@pytest.fixture
def source(tmp_path, photo):
    """A JPEG, turned by its EXIF, that carries everything there is to carry."""
    path = tmp_path / "in.jpg"
    Image.fromarray(photo).save(
        path,
        quality=95,
        exif=exif_bytes(),
        xmp=XMP,
        icc_profile=SRGB,
        dpi=(300, 300),
        comment="kept",
        extra=iptc.in_jpeg(IPTC),
    )
    return path


def doubled(picture):
    large = picture.colour.repeat(2, axis=0).repeat(2, axis=1)
    return picture.with_pixels(large, None)


@pytest.mark.parametrize("name", ["png", "jpg", "webp", "tiff", "avif"])
def test_everything_a_format_holds_comes_through(tmp_path, source, name):
    kind, path = FORMATS[name], tmp_path / f"out.{name}"
    lost = save_picture(doubled(open_picture(source)), path, kind)
    again = open_picture(path)
    assert again.icc == SRGB
    with Image.open(path) as image:
        exif = image.getexif()
        details, place = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
        assert exif.get(ExifTags.Base.Orientation, 1) == 1
    assert exif[ExifTags.Base.Make] == "A camera"
    assert exif[ExifTags.Base.Copyright].encode("latin-1").decode() == "Ann Ö."
    assert details[ExifTags.Base.DateTimeOriginal] == "2020:02:03 04:05:06"
    assert float(details[ExifTags.Base.ExposureTime]) == pytest.approx(0.005)
    assert details[ExifTags.Base.ExifImageWidth] == 2 * 37  # turned, and twice the size
    assert place[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert b'tiff:Orientation="1"' in again.xmp and b'tiff:ImageWidth="74"' in again.xmp
    assert (again.iptc == IPTC) == ("iptc" in kind.holds)
    if "dpi" in kind.holds:
        assert again.dpi == pytest.approx((600, 600), abs=0.1)  # as large in print as before
    assert ("kept" in dict(again.text).values()) == ("text" in kind.holds)
    dropped = {"iptc", "dpi", "text"} - kind.holds
    assert len(lost) == len(dropped), lost


@pytest.mark.parametrize("name", ["png", "jpg", "webp", "tiff"])
def test_another_library_finds_it_too(tmp_path, source, name):
    path = tmp_path / f"out.{name}"
    save_picture(doubled(open_picture(source)), path, FORMATS[name])
    image = pyvips.Image.new_from_file(str(path))
    assert image.get("icc-profile-data") == SRGB
    assert b'tiff:Orientation="1"' in image.get("xmp-data")
    if name != "tiff":  # libvips reads no EXIF from it
        assert image.get("exif-ifd0-Make").startswith("A camera")
        assert image.get("exif-ifd2-DateTimeOriginal").startswith("2020:02:03")
    if name in ("jpg", "tiff"):
        assert IPTC in image.get("iptc-data")
    if name in ("jpg", "png", "tiff"):
        assert image.xres * 25.4 == pytest.approx(600, abs=0.1)


@pytest.mark.parametrize("name", ["png", "tiff"])
def test_sixteen_bits_keep_what_they_carry(tmp_path, rng, name):
    original = Picture(
        colour=rng.integers(0, 65536, (9, 7, 3), np.uint16),
        icc=SRGB,
        exif=exif_bytes(),
        xmp=XMP,
        iptc=IPTC,
        dpi=(240, 120),
        text=(("Comment", "Größe"),),
    )
    path = tmp_path / f"out.{name}"
    assert save_picture(original, path, FORMATS[name]) == ()
    again = open_picture(path)
    np.testing.assert_array_equal(again.colour, original.colour)
    assert (again.icc, again.iptc, again.text) == (original.icc, original.iptc, original.text)
    assert again.dpi == pytest.approx((240, 120), abs=0.1)
    exif = Image.Exif()
    exif.load(again.exif)
    assert exif[ExifTags.Base.Make] == "A camera"
    assert ExifTags.Base.DateTimeOriginal in exif.get_ifd(ExifTags.IFD.Exif)


def test_stripping_leaves_the_colours_as_they_are(source):
    bare = open_picture(source).without_metadata()
    assert bare.icc == SRGB
    assert (bare.exif, bare.xmp, bare.iptc, bare.dpi, bare.text) == (None, None, None, None, ())


@pytest.mark.parametrize("name", FORMATS)
def test_fitting_twice_says_nothing_new(source, name):
    picture = fit(open_picture(source), FORMATS[name])
    assert vars(fit(picture, FORMATS[name])) == vars(picture)


def a_block(order):
    """EXIF of a camera: a MakerNote that points to itself, a signed exposure, a thumbnail."""
    note = b"MAKER" + struct.pack(order + "I", 0x1234) + bytes(300)
    main = [(271, 2, 9, None), (274, 3, 1, 6), (282, 5, 1, None), (34665, 4, 1, None)]
    details = [(37380, 10, 1, None), (37500, 7, len(note), None), (40962, 3, 1, 53)]
    at = 8 + 2 + 12 * len(main) + 4
    details_at, at = at, at + 2 + 12 * len(details) + 4
    places, blobs = {}, b""
    for tag, blob in {
        271: b"A camera\0\0",
        282: struct.pack(order + "II", 72, 1),
        37380: struct.pack(order + "ii", -1, 3),
        37500: note,
    }.items():
        places[tag] = at + len(blobs)
        blobs += blob
    places[34665] = details_at
    small_at = at + len(blobs)
    small = [(513, 4, 1, small_at + 30), (514, 4, 1, 19)]

    def directory(entries, following=0):
        packed = struct.pack(order + "H", len(entries))
        for tag, kind, count, value in entries:
            stored = places[tag] if value is None else value
            form = "HH" if kind == 3 else "I"
            values = (stored, 0) if kind == 3 else (stored,)
            packed += struct.pack(order + "HHI" + form, tag, kind, count, *values)
        return packed + struct.pack(order + "I", following)

    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body = head + directory(main, small_at) + directory(details) + blobs + directory(small)
    return b"Exif\0\0" + body + b"\xff\xd8 the small one \xff\xd9", note, places[37500]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["jpg", "png", "webp", "avif"])
def test_all_but_what_changes_stays_byte_for_byte(tmp_path, photo, order, name):
    content, note, place = a_block(order)
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=content, dpi=(72, 72))
    picture = open_picture(tmp_path / "in.jpg")
    save_picture(doubled(picture), tmp_path / f"out.{name}", FORMATS[name])
    with Image.open(tmp_path / f"out.{name}") as image:
        written = image.info["exif"].removeprefix(b"Exif\0\0")
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
    assert written[place : place + len(note)] == note  # where its own offsets expect it
    assert b"the small one" not in written
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    assert exif[ExifTags.Base.XResolution] == (144 if "dpi" in FORMATS[name].holds else 72)
    assert float(details[37380]) == pytest.approx(-1 / 3)
    assert details[40962] == 2 * 37


def test_asking_twice_turns_twice(photo):
    """Pillow keeps the EXIF that it has read: it must stay as it is."""
    content = io.BytesIO()
    Image.fromarray(photo).save(content, "JPEG", exif=exif_bytes())
    with Image.open(content) as image:
        sizes = [(p.width, p.height) for p in (picture_from(image), picture_from(image))]
    assert sizes == [(37, 53), (37, 53)]


@pytest.mark.parametrize("cut", [3, 9, 20, 40, 70, 100])
def test_malformed_exif_is_never_fatal(tmp_path, photo, cut):
    content, _, _ = a_block("<")
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=content[:cut])
    picture = open_picture(tmp_path / "in.jpg")
    assert picture.colour.shape[2] == 3
    save_picture(picture, tmp_path / "out.jpg", FORMATS["jpg"])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["bytes", "longs", "blocks"])
def test_records_are_found_wherever_a_tiff_keeps_them(tmp_path, order, kind):
    padded = IPTC + bytes(-len(IPTC) % 4)
    named = b"8BIM\x03\xed\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    longs = struct.unpack(f"{order}{len(padded) // 4}I", padded)
    tag = {
        "bytes": (33723, 7, len(IPTC), IPTC, True),
        "longs": (33723, 4, len(longs), longs, True),
        "blocks": (34377, 1, None, named + bytes.fromhex(iptc.in_text(IPTC)[1].split()[2]), True),
    }[kind]
    if kind == "blocks":
        tag = (*tag[:2], len(tag[3]), *tag[3:])
    pixels = np.zeros((8, 8), np.uint8)
    tifffile.imwrite(tmp_path / "in.tif", pixels, byteorder=order, extratags=[tag])
    assert open_picture(tmp_path / "in.tif").iptc == IPTC


def test_profiles_that_imagemagick_keeps_as_text_are_no_text(tmp_path, photo):
    info = PngImagePlugin.PngInfo()
    info.add_text(*iptc.in_text(IPTC))
    info.add_text("Raw profile type exif", "\nexif\n  4\n00000000\n")
    info.add_text("Title", "kept")
    Image.fromarray(photo).save(tmp_path / "in.png", pnginfo=info)
    picture = open_picture(tmp_path / "in.png")
    assert (picture.iptc, picture.text) == (IPTC, (("Title", "kept"),))


def test_letters_beyond_ascii_go_from_tiff_to_tiff(tmp_path, photo):
    owner = (33432, 2, None, "Ann Ö.".encode(), True)
    tifffile.imwrite(tmp_path / "in.tif", photo, photometric="rgb", extratags=[owner])
    save_picture(open_picture(tmp_path / "in.tif"), tmp_path / "out.tif", FORMATS["tiff"])
    with Image.open(tmp_path / "out.tif") as image:
        assert image.tag_v2[33432].encode("latin-1").decode() == "Ann Ö."


def test_a_negative_fraction_goes_into_a_tiff(tmp_path, photo):
    """As raw converters leave them: the baseline exposure of a DNG."""
    fraction = struct.pack("<HHHIIIii", 1, 50730, 10, 1, 26, 0, -1, 2)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + fraction
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=exif)
    save_picture(open_picture(tmp_path / "in.jpg"), tmp_path / "out.tiff", FORMATS["tiff"])
    with Image.open(tmp_path / "out.tiff") as image:
        assert float(image.getexif()[50730]) == -0.5


@pytest.mark.parametrize("name", ["jpg", "png", "tiff"])
def test_a_resolution_without_a_value_does_not_damage_the_exif(tmp_path, photo, name):
    """What it points to is the beginning of the block."""
    entries = struct.pack("<HHHIIHHII", 2, 282, 5, 0, 0, 315, 2, 3, 0x006E41)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + entries + bytes(4)
    Image.fromarray(photo).save(tmp_path / "in.jpg", exif=exif, dpi=(72, 72))
    large = doubled(open_picture(tmp_path / "in.jpg"))
    save_picture(large, tmp_path / f"out.{name}", FORMATS[name])
    with Image.open(tmp_path / f"out.{name}") as image:
        assert image.getexif()[315] == "An"
