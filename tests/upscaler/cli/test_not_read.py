"""`upscaler run` on a folder with one file of every kind: a line for each that is not done."""

import io
import json

import pytest
import tifffile
from PIL import Image

from upscaler.images import NOT_READ

READ = {"tga": "TGA", "dds": "DDS", "jp2": "JPEG2000", "j2k": "JPEG2000", "bmp": "BMP"}
READ |= {"jif": "JPEG", "jfif": "JPEG", "pjpeg": "JPEG", "mpo": "JPEG", "jpg_large": "JPEG"}


def encoded(photo, kind):
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def every_kind(tmp_path, photo, monkeypatch):
    """A folder with one file of every kind, and the lines that are expected of what is not done."""
    for plugin in ("pillow_jxl", "pillow_heif"):
        monkeypatch.setitem(__import__("sys").modules, plugin, None)
    root = tmp_path / "in"
    root.mkdir()
    for extension, kind in READ.items():
        (root / f"read-{extension}.{extension}").write_bytes(encoded(photo, kind))
    (root / "noeoi.jpg").write_bytes(encoded(photo, "JPEG")[:-2])
    failing = {
        "raw.tif": "camera raw",
        "jpeg2000.tif": "not supported: a TIFF whose pixels are compressed as JPEG 2000",
        "a.jxl": "a JPEG XL picture; pip install pillow-jxl-plugin to read it",
        "a.hif": "a HEIC picture; pip install pillow-heif to read it",
        "a.psd": "a Photoshop file of 16 bits a channel",
        "cut.png": "damaged",
        "empty.jpg": "the file is empty",
    }
    tifffile.imwrite(root / "raw.tif", photo[..., 0], photometric=32803, metadata=None)
    tifffile.imwrite(root / "jpeg2000.tif", photo, photometric="rgb", metadata=None)
    content = (root / "jpeg2000.tif").read_bytes()
    place = content.index(b"\x03\x01\x03\0\x01\0\0\0") + 8
    changed = content[:place] + (34712).to_bytes(2, "little") + content[place + 2 :]
    (root / "jpeg2000.tif").write_bytes(changed)
    (root / "a.jxl").write_bytes(b"\xff\x0a" + bytes(20))
    (root / "a.hif").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    (root / "a.psd").write_bytes(
        b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\1\0\0\0\1\0\x10\0\3" + bytes(20)
    )
    (root / "cut.png").write_bytes(encoded(photo, "PNG")[:900])
    (root / "empty.jpg").write_bytes(b"")
    for extension in NOT_READ:
        (root / f"not{extension}").write_bytes(b"whatever")
    (root / "notes.txt").write_bytes(b"")
    (root / "@eaDir").mkdir()
    (root / "@eaDir" / "thumb.jpg").write_bytes(encoded(photo, "JPEG"))
    return root, failing


def test_each_has_its_line(command, every_kind, tmp_path):
    root, failing = every_kind
    code, out, err = command("run", root, tmp_path / "out", "-s", 2, "-r", "cpu")
    lines = err.splitlines()
    for name, words in failing.items():
        found = [line for line in lines if line.startswith(f"failed: {name}: ")]
        assert len(found) == 1 and words in found[0], (name, found)
    for extension, words in NOT_READ.items():
        assert lines.count(f"not read: 1 {extension}: {words}") == 1, extension
    assert sum(line.startswith("failed: ") for line in lines) == len(failing)
    assert code == 1
    assert out.startswith(f"{len(READ) + 1} done in ") and f" s, {len(failing)} failed; " in out
    assert out.endswith("; folders not entered: 1 @eaDir\n")


def test_programs_hear_of_each(command, every_kind, tmp_path):
    root, failing = every_kind
    for options in ((), ("--dry-run",)):
        _, out, _ = command("run", root, tmp_path / "out", "-s", 2, "-r", "cpu", "--json", *options)
        *_, summary = map(json.loads, out.splitlines())
        assert summary["not_read"] == dict.fromkeys(sorted([*NOT_READ, ".txt"]), 1)
        assert summary["folders_not_entered"] == {"@eaDir": 1}
        assert summary["planned"] == len(READ) + 1 + len(failing)


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_nothing_readable_is_no_success(command, tmp_path, options):
    (tmp_path / "in").mkdir()
    for name in ("a.cr2", "b.cr2", "c.pdf"):
        (tmp_path / "in" / name).write_bytes(b"")
    code, out, _ = command("run", tmp_path / "in", tmp_path / "out", *options)
    assert (code, out) == (3, "no image that can be read; not read: 2 .cr2, 1 .pdf\n")


def test_outputs_have_names_that_everybody_knows(command, every_kind, tmp_path, names):
    root, _ = every_kind
    command("run", root, tmp_path / "out", "-s", 2, "-r", "cpu", "-q")
    written = names(tmp_path / "out")
    for name in ("read-tga.png", "read-jp2.png", "read-mpo.jpg", "read-jpg_large.jpg"):
        assert name in written
    with Image.open(tmp_path / "out" / "read-jif.jif") as image:
        assert (image.format, image.size) == ("JPEG", (106, 74))
