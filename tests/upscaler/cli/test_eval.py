"""`upscaler eval`: measured quality, a line a picture or a table."""

import json

import numpy as np
import pytest
from PIL import Image

from upscaler import ImageError, Upscaler
from upscaler.images import FORMATS, Picture, save_picture


def test_eval_measures_a_folder(command, tmp_path, photo):
    (tmp_path / "hr").mkdir()
    Image.fromarray(photo).save(tmp_path / "hr" / "a.png")
    Image.fromarray(photo[::-1]).save(tmp_path / "hr" / "b.png")
    code, out, _ = command("eval", "fast", tmp_path / "hr", "-s", "2", "--json")
    first, second, whole = map(json.loads, out.splitlines())
    assert code == 0
    assert [line["event"] for line in (first, second, whole)] == ["file", "file", "set"]
    assert (first["name"], first["set"], whole["files"], whole["name"]) == ("a.png", "hr", 2, "hr")
    assert 10 < first["psnr"] < 60
    assert whole["psnr"] == pytest.approx((first["psnr"] + second["psnr"]) / 2)
    assert 0 < whole["bicubic_ssim"] < 1


def test_eval_degrades_the_small_pictures(command, tmp_path, photo):
    (tmp_path / "hr").mkdir()
    Image.fromarray(photo).save(tmp_path / "hr" / "a.png")
    psnrs = []
    for options in ((), ("--degrade", "jpeg:20"), ("--degrade", "jpeg:20", "--degrade", "noise:9")):
        _, out, _ = command("eval", "fast", tmp_path / "hr", "-s", "2", "--json", *options)
        psnrs.append(json.loads(out.splitlines()[-1])["psnr"])
    assert psnrs == sorted(psnrs, reverse=True)
    for bad in ("jpeg", "jpeg:0", "rot13:3", "noise:nan"):
        code, _, err = command("eval", "fast", tmp_path / "hr", "--degrade", bad)
        assert (code, len(err.splitlines())) == (2, 1)


def test_eval_prints_a_table(command, tmp_path, photo):
    (tmp_path / "hr").mkdir()
    Image.fromarray(photo).save(tmp_path / "hr" / "a.png")
    _, out, _ = command("eval", "fast", tmp_path / "hr", "-s", "2")
    heads, row = out.splitlines()
    assert heads.split()[:2] == ["files", "PSNR-Y"]
    assert row.split()[:2] == ["hr", "1"]
    _, out, _ = command("eval", "fast", tmp_path / "hr", "-s", "2", "-v")
    assert out.splitlines()[1].startswith("a.png ")


def test_eval_takes_sixteen_bits_as_eight(command, tmp_path, photo):
    pixels = {8: photo, 16: photo.astype(np.uint16) * 257}
    measured = []
    for bits, values in pixels.items():
        (tmp_path / f"{bits}").mkdir()
        picture = Picture.from_pixels(values)
        save_picture(picture, tmp_path / f"{bits}" / "a.png", FORMATS["png"])
        code, out, _ = command("eval", "fast", tmp_path / f"{bits}", "-s", "2", "--json")
        assert code == 0
        measured.append(json.loads(out.splitlines()[0])["psnr"])
    assert measured[0] == measured[1]


def test_eval_says_on_which_picture_the_network_fails(command, tmp_path, photo, monkeypatch):
    def fail(upscaler, picture):
        raise ImageError("the network gives no numbers")

    (tmp_path / "hr").mkdir()
    Image.fromarray(photo).save(tmp_path / "hr" / "a.png")
    monkeypatch.setattr(Upscaler, "enlarge", fail)
    code, _, err = command("eval", "fast", tmp_path / "hr", "-s", "2")
    assert code == 2
    assert err.endswith("a.png: the network gives no numbers; take it out\n")
    assert "Traceback" not in err
