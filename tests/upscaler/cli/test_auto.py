"""Runs of `auto`: every file through the model that it needs, and why."""

import json

import numpy as np
import pytest
from PIL import Image

from upscaler import Upscaler

CLEAN, DAMAGED = "clean.png", "damaged.jpg"


@pytest.fixture
def mixed_folder(tmp_path):
    """A clean picture, and one that JPEG has damaged."""
    y, x = np.mgrid[0:48, 0:64]
    picture = np.stack([x * 3, y * 5, 255 - x - y], axis=2).astype(np.uint8)
    picture[10:20, 10:20] = (200, 40, 40)
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(picture).save(folder / CLEAN)
    Image.fromarray(picture).save(folder / DAMAGED, quality=25)
    return folder


@pytest.fixture
def auto(command, monkeypatch, tmp_path):
    """Run a folder at x2; returns what the command printed."""
    monkeypatch.delenv("UPSCALER_RUN_MODEL")

    def run(source, *options, out="out"):
        code, *said = command("run", source, tmp_path / out, "-s", 2, "-r", "cpu", *options)
        assert code == 0, said
        return said

    return run


def test_each_file_goes_through_the_model_that_it_needs(auto, mixed_folder, tmp_path):
    out, _ = auto(mixed_folder, "-f", "png", "--json", "--report", tmp_path / "report.json")
    *files, summary = map(json.loads, out.splitlines())
    decided = {file["name"]: file["restoration"] for file in files}
    assert decided == {
        CLEAN: {"strength": 0.0, "reason": "looks clean"},
        DAMAGED: {"strength": 1.0, "reason": "JPEG quality about 25"},
    }
    assert summary["model"] == "auto-x2"
    assert json.loads((tmp_path / "report.json").read_text())["restorations"] == decided
    for name, model in ((CLEAN, "balanced"), (DAMAGED, "photo")):
        auto(mixed_folder / name, "-m", model, out=f"{model}.png")
        made = (tmp_path / "out" / name).with_suffix(".png")
        assert made.read_bytes() == (tmp_path / f"{model}.png").read_bytes()


def test_people_are_told_with_v(auto, mixed_folder):
    _, errors = auto(mixed_folder, "-v")
    assert "2 pictures, 2x, model auto, on the processor" in errors
    assert "; not restored: looks clean" in errors
    assert "; restored: JPEG quality about 25" in errors


def test_it_is_up_to_date_with_itself_only(auto, mixed_folder):
    summaries = [
        json.loads(auto(mixed_folder, *options, "--json")[0].splitlines()[-1])
        for options in (
            (),
            (),
            ("-m", "balanced", "--overwrite"),
            ("--restore", "1", "--overwrite"),
        )
    ]
    assert [summary["done"] for summary in summaries] == [2, 0, 2, 2]


def test_dry_run_names_it(auto, mixed_folder):
    out, _ = auto(mixed_folder, "--dry-run")
    assert "with auto-x2" in out


def test_an_animation_is_decided_on_once(auto, tmp_path, rng):
    frames = [Image.fromarray(rng.integers(0, 255, (24, 24, 3), np.uint8)) for _ in range(3)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    out, _ = auto(tmp_path / "a.webp", "--json", out="b.webp")
    assert len(out.splitlines()) == 2
    assert json.loads(out.splitlines()[0])["restoration"]["strength"] == 1


def test_where_the_restorer_does_not_open_nothing_is_restored(auto, mixed_folder, monkeypatch):
    from upscaler.errors import RuntimeUnavailable
    from upscaler.inference import enlargers

    def only_clean(model, options, gate):
        if model.spec.name == "photo":
            raise RuntimeUnavailable("no such weights")
        return enlarger(model, options, gate)

    enlarger = enlargers.Enlarger
    monkeypatch.setattr(enlargers, "Enlarger", only_clean)
    out, _ = auto(mixed_folder, "--json")
    said = [json.loads(line).get("restoration") for line in out.splitlines()]
    reason = "JPEG quality about 25, but what restores does not open here: no such weights"
    assert {"strength": 0.0, "reason": reason} in said


@pytest.mark.parametrize("scale", [2, 3])
def test_pictures_from_python(mixed_folder, scale):
    with Upscaler("auto", scale=scale, runtime="cpu") as upscaler:
        for name, model in ((CLEAN, "balanced"), (DAMAGED, "photo")):
            image = Image.open(mixed_folder / name)
            expected = Upscaler(model, scale=scale, runtime="cpu")(image)
            np.testing.assert_array_equal(np.asarray(upscaler(image)), np.asarray(expected))
    assert repr(upscaler) == f"auto-x{scale}, closed"
