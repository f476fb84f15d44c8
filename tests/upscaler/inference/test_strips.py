"""Pictures that never are in memory as a whole come out as those that are, to the byte."""

import itertools
import os
import struct
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
import tifffile
from PIL import Image

from upscaler.batch.plan.jobs import Job
from upscaler.batch.run import memory, pipeline
from upscaler.batch.run.pipeline import Pipeline
from upscaler.errors import ImageError
from upscaler.images import (
    FORMATS,
    Encoding,
    encode,
    open_picture,
    open_rows,
    tiff,
)
from upscaler.upscaler import Upscaler

FACTS = ("icc", "exif", "xmp", "iptc", "dpi", "text", "warnings")


@pytest.fixture(scope="module")
def upscaler():
    return Upscaler("fast", scale=2, runtime="cpu", streams=2, tile=64)


@pytest.fixture
def through(upscaler, tmp_path, monkeypatch):
    """Send a file through the pipeline, whole or in strips; returns what came out and how."""

    def through(source, kind, *, strips, **encoding):
        used = []

        def save_strips(*arguments):
            used.append(True)
            return real(*arguments)

        real = pipeline.save_strips
        with monkeypatch.context() as patch:
            patch.setattr(memory, "WHOLE_UP_TO", 0 if strips else memory.WHOLE_UP_TO)
            patch.setattr(pipeline, "save_strips", save_strips)
            target = tmp_path / ("strips" if strips else "whole") / f"{source.stem}.{kind}"
            job = Job(source, target, source.name, FORMATS[kind])
            with Pipeline(upscaler, memory=10**9, encoding=Encoding(**encoding)) as line:
                (outcome,) = line.run([job])
        return target, outcome, bool(used)

    return through


def with_alpha(colour, rng):
    """Some of it hidden in pieces, some as a whole, some shown."""
    alpha = (rng.random(colour.shape[:2]) > 0.5).astype(np.uint8) * 255
    alpha[100:220], alpha[250:, 20:] = 0, 255
    return np.dstack([colour, alpha])


def grey_above(colour):
    """Grey at first, then in colours."""
    pixels = colour[..., :1].repeat(3, axis=2)
    pixels[300:] = colour[300:]
    return pixels


def framed(colour):
    """On a saturated ground: flat at its border."""
    pixels = np.empty_like(colour)
    pixels[:] = 255, 0, 200
    pixels[20:-20, 20:-20] = colour[20:-20, 20:-20]
    return pixels


def exif(orientation):
    made = Image.Exif()
    made[274], made[271] = orientation, "Maker"
    made.get_ifd(0x8769)[36867] = "2020:01:01 00:00:00"
    return made


SOURCES = {
    "rgb.png": lambda path, p, rng: Image.fromarray(p).save(path, dpi=(300, 300)),
    "grey.png": lambda path, p, rng: Image.fromarray(p[..., 0]).save(path),
    "alpha.png": lambda path, p, rng: Image.fromarray(with_alpha(p, rng)).save(path),
    "grey_as_rgb.png": lambda path, p, rng: Image.fromarray(p[..., :1].repeat(3, 2)).save(path),
    "grey_above.png": lambda path, p, rng: Image.fromarray(grey_above(p)).save(path),
    "nearly_grey.tif": lambda path, p, rng: tifffile.imwrite(
        path, p[..., :1] * np.uint16([257, 257, 258]), photometric="rgb"
    ),
    "framed.png": lambda path, p, rng: Image.fromarray(framed(p)).save(path),
    "deep.png": lambda path, p, rng: Image.fromarray(p[..., 0].astype(np.uint16) * 257).save(path),
    "rgb.jpg": lambda path, p, rng: Image.fromarray(p).save(path, comment=b"hello"),
    "turned.jpg": lambda path, p, rng: Image.fromarray(p).save(path, exif=exif(6), dpi=(72, 72)),
    "progressive.jpg": lambda path, p, rng: Image.fromarray(p).save(path, progressive=True),
    "exif.tif": lambda path, p, rng: Image.fromarray(p).save(path, exif=exif(1)),
    "deep.tif": lambda path, p, rng: tifffile.imwrite(
        path, p.astype(np.uint16) * 257, photometric="rgb", compression="zlib"
    ),
}


@pytest.mark.parametrize("kind", ["png", "tiff", "jpg"])
@pytest.mark.parametrize("name", SOURCES)
def test_strips_make_the_file_that_a_whole_picture_makes(through, tmp_path, tall, rng, name, kind):
    source = tmp_path / name
    SOURCES[name](source, tall, rng)
    whole, expected, used = through(source, kind, strips=False)
    assert expected.error is None and not used
    made, outcome, used = through(source, kind, strips=True)
    assert outcome.error is None and used
    assert made.read_bytes() == whole.read_bytes()
    assert (outcome.warnings, outcome.pixels) == (expected.warnings, expected.pixels)


def test_metadata_stays_behind_in_strips_too(through, tmp_path, tall):
    source = tmp_path / "a.jpg"
    Image.fromarray(tall).save(source, exif=exif(1), dpi=(72, 72), comment=b"hello")
    made, _, used = through(source, "png", strips=True, strip=True)
    assert used
    assert [getattr(open_picture(made), name) for name in FACTS[1:6]] == [None] * 4 + [()]


def test_what_cannot_be_read_row_by_row_goes_whole(through, tmp_path, tall):
    source = tmp_path / "a.webp"
    Image.fromarray(tall).save(source, lossless=True)
    made, outcome, used = through(source, "png", strips=True)
    assert outcome.error is None and not used
    assert open_picture(made).height == 2 * len(tall)


def test_large_tiff_files_keep_their_exif(through, tmp_path, tall, monkeypatch):
    source = tmp_path / "a.jpg"
    Image.fromarray(tall).save(source, exif=exif(1))
    whole, _, _ = through(source, "tiff", strips=False)
    monkeypatch.setattr(tiff, "_LARGEST_CLASSIC", 0)
    made, outcome, used = through(source, "tiff", strips=True)
    assert outcome.error is None and used
    assert made.read_bytes()[:4] == b"II+\0"
    large, small = open_picture(made), open_picture(whole)
    np.testing.assert_array_equal(large.pixels, small.pixels)
    with Image.open(made) as one, Image.open(whole) as other:
        assert one.getexif().get_ifd(0x8769) == other.getexif().get_ifd(0x8769) != {}


@pytest.mark.parametrize("kind", ["png", "tiff", "jpg"])
def test_a_damaged_picture_leaves_nothing(through, tmp_path, tall, kind):
    source = tmp_path / "a.png"
    Image.fromarray(tall).save(source)
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 0xFF
    source.write_bytes(content)
    made, outcome, used = through(source, kind, strips=True)
    assert used and outcome.error.startswith("damaged")
    assert list(made.parent.iterdir()) == []


def test_a_picture_that_changes_while_it_is_read_leaves_nothing(
    through, tmp_path, tall, upscaler, monkeypatch
):
    source = tmp_path / "a.png"
    Image.fromarray(tall).save(source)
    real = upscaler.choice.runtime.infer

    def infer(batch):
        os.utime(source, ns=(1, 1))
        return real(batch)

    monkeypatch.setattr(upscaler.choice.runtime, "infer", infer)
    made, outcome, used = through(source, "png", strips=True)
    assert used and outcome.error == "changed while it was being read"
    assert not outcome.lasting
    assert list(made.parent.iterdir()) == []


@pytest.mark.parametrize("kind", ["png", "tiff", "jpg"])
def test_a_network_that_fails_midway_fails_the_file(through, tmp_path, tall, upscaler, kind):
    source = tmp_path / "a.png"
    Image.fromarray(tall).save(source)
    calls, runtime = itertools.count(), upscaler.choice.runtime
    real = runtime.infer
    try:
        runtime.infer = lambda batch: real(batch) if next(calls) < 5 else 1 / 0
        made, outcome, used = through(source, kind, strips=True)
    finally:
        del runtime.infer
    assert used and "ZeroDivisionError" in outcome.error
    assert list(made.parent.iterdir()) == []


@contextmanager
def small_files():
    """Let no file become larger than 16 KB; not a fixture, or pytest's own output would be one."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", ["png", "tiff", "jpg"])
def test_a_disk_that_takes_no_more_fails_the_file(through, tmp_path, tall, kind):
    source = tmp_path / "a.jpg"
    Image.fromarray(tall).save(source, quality=50)
    with small_files():
        made, outcome, used = through(source, kind, strips=True)
    assert used and outcome.error.endswith("File too large")
    assert not outcome.lasting
    assert list(made.parent.iterdir()) == []


@pytest.mark.parametrize("compression", ["zstd", "lzma"])
def test_a_compression_that_libvips_lacks_goes_whole(through, tmp_path, tall, compression):
    source = tmp_path / "a.tif"
    Image.fromarray(tall).save(source, compression=compression)
    _, outcome, used = through(source, "png", strips=True)
    assert outcome.error is None and not used


def test_a_defect_of_ours_is_not_called_damage(through, tmp_path, tall, monkeypatch):
    def write(file, frame, strips):
        raise struct.error("a defect")

    monkeypatch.setattr(encode, "write_tiff", write)
    source = tmp_path / "a.png"
    Image.fromarray(tall).save(source)
    _, outcome, used = through(source, "tiff", strips=True)
    assert used and outcome.error == "unexpected error: a defect"
    assert not outcome.lasting


def test_what_is_not_kept_of_a_png_is_said(through, tmp_path, tall):
    source = tmp_path / "a.png"
    Image.fromarray(tall).save(source)
    content = source.read_bytes()
    kind_and_data = b"cICP" + bytes([9, 16, 0, 1])
    chunk = struct.pack(">I", 4) + kind_and_data + struct.pack(">I", zlib.crc32(kind_and_data))
    source.write_bytes(content[:33] + chunk + content[33:])
    _, outcome, used = through(source, "png", strips=True)
    assert used and "cICP" in outcome.warnings[0]


def test_rows_are_what_the_whole_picture_has(shared):
    """Of every file of the collection that can be read row by row."""
    compared = 0
    for path in sorted((shared / "data" / "corpus" / "valid").iterdir()):
        try:
            whole = open_picture(path)
        except ImageError:
            continue
        with open_rows(path) as rows:
            if rows is None:
                continue
            parts = [rows.read(min(7, rows.height - y)) for y in range(0, rows.height, 7)]
        np.testing.assert_array_equal(np.concatenate(parts), whole.pixels, err_msg=path.name)
        different = [name for name in FACTS if getattr(rows.facts, name) != getattr(whole, name)]
        assert different == [], path.name
        compared += 1
    assert compared > 70


@pytest.mark.parametrize("strips", [True, False])
@pytest.mark.parametrize(("dpi", "kept"), [(30_000, 60_000), (40_000, None)])
def test_a_jpeg_says_no_wrong_resolution(through, tmp_path, tall, strips, dpi, kept):
    """It has two bytes for it, which a microscope's picture overflows once it is large."""
    source = tmp_path / "in.tif"
    Image.fromarray(tall).save(source, dpi=(dpi, dpi))
    target, outcome, in_strips = through(source, "jpg", strips=strips)
    assert (outcome.error, in_strips) == (None, strips)
    with Image.open(target) as image:
        assert image.info.get("dpi") == (kept and (kept, kept))
    lost = "resolution is not written to jpg: dropped"
    assert outcome.warnings == (() if kept else (lost,))
