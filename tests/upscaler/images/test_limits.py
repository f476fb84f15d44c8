"""The most pixels that are read, and what is whose to set in a process."""

import json
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image, PngImagePlugin

from upscaler.errors import ImageError, PassingError
from upscaler.images import open_picture, open_rows, set_for_process, upright_size
from upscaler.images.png import END, write_chunk, write_signature

LIMIT = 2000


def bomb(tmp_path):
    """A PNG of some 70 bytes that says it has 65,536 x 65,536 pixels."""
    header = struct.pack(">IIBBBBB", 65536, 65536, 1, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    with path.open("wb") as file:
        write_signature(file)
        for chunk in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(9))), END):
            write_chunk(file, *chunk)
    return path


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    set_for_process()
    with pytest.raises(ImageError, match="4294967296 pixels are more than the limit of 250000000"):
        open_picture(bomb(tmp_path))


@pytest.mark.parametrize("name", ["png", "gif", "tiff", "webp", "avif", "ico", "jpg"])
@pytest.mark.parametrize("in_a_program", [True, False])
def test_what_passes_the_limit_is_refused_before_it_is_decoded(tmp_path, name, in_a_program):
    if in_a_program:
        set_for_process(LIMIT)
    options = {"sizes": [(64, 64)]} if name == "ico" else {}
    path = tmp_path / f"in.{name}"
    Image.new("RGB", (64, 64)).save(path, **options)
    for read in (open_picture, upright_size):
        with pytest.raises(ImageError, match="pixels are more than the limit of 2000; --max-pix"):
            read(path, LIMIT)


@pytest.mark.parametrize("name", ["png", "tiff", "jpg"])
def test_strips_know_the_limit_too(tmp_path, name):
    path = tmp_path / f"in.{name}"
    Image.new("RGB", (64, 64)).save(path)
    with pytest.raises(ImageError, match="64x64 pixels are more"), open_rows(path, LIMIT):
        pass


def test_the_limit_that_pillow_has_in_a_host_is_called_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.new("RGB", (64, 64)).save(tmp_path / "in.png")
    with pytest.raises(ImageError, match="4096 pixels .* 2000 that Pillow has.*MAX_IMAGE_PIXELS"):
        open_picture(tmp_path / "in.png")


def test_a_profile_beyond_pillows_limit_is_not_called_damage(tmp_path, monkeypatch):
    """A batch must not remember it as failed: another program may have another limit."""
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path, icc_profile=bytes(2 << 20))
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 1 << 20)
    with pytest.raises(PassingError, match="PngImagePlugin.MAX_TEXT_CHUNK sets it"):
        open_picture(path)


def test_what_is_hidden_in_an_icon_is_not_decoded(tmp_path):
    """Its directory says 16x16, the PNG in it 64x64."""
    Image.new("RGB", (64, 64)).save(tmp_path / "in.ico", sizes=[(64, 64)])
    content = bytearray((tmp_path / "in.ico").read_bytes())
    content[6:8] = 16, 16
    (tmp_path / "in.ico").write_bytes(content)
    set_for_process(LIMIT)
    with pytest.raises(ImageError, match="4096 pixels are more than the limit of 2000"):
        open_picture(tmp_path / "in.ico", LIMIT)


def test_all_frames_count_together(tmp_path):
    frames = [Image.new("RGB", (30, 30), shade) for shade in ("red", "green", "blue")]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="30x30 pixels in 3 frames are more than"):
        open_picture(tmp_path / "in.gif", LIMIT)


LOOK = """
import json, os, pkgutil, signal, sys
from importlib import import_module
import pyvips
from PIL import Image, ImageFile, PngImagePlugin

def look():
    return {
        "environment": dict(os.environ),
        "pillow": [Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK],
        "truncated": ImageFile.LOAD_TRUNCATED_IMAGES,
        "heif": "HEIF" in Image.OPEN,
        "vips": [pyvips.cache_get_max(), pyvips.cache_get_max_mem(), pyvips.cache_get_max_files()],
        "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
    }

before = look()
import upscaler
for module in pkgutil.walk_packages(upscaler.__path__, "upscaler."):
    if module.name != "upscaler.__main__":
        try:
            import_module(module.name)
        except ModuleNotFoundError as error:
            absent = ("torch", "tensorrt", "tensorrt_rtx", "ncnn", "onnxruntime_ep_webgpu")
            of_a_page = ("starlette", "uvicorn")
            other_system = ("fcntl", "msvcrt")
            assert error.name.partition(".")[0] in (*absent, *of_a_page, *other_system), error
print(json.dumps([before, look()]))
"""


def test_imports_change_nothing_in_the_program_around():
    """But one: ONNX Runtime reads its switch for telemetry when it is imported."""
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    before, after = json.loads(done.stdout)
    for found in (before, after):
        found["environment"].pop("ORT_DISABLE_TELEMETRY", None)
    assert after == before
