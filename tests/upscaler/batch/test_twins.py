"""Inputs that are equal byte for byte are enlarged once."""

import shutil

import pytest
from PIL import Image

from upscaler.batch.plan.jobs import plan
from upscaler.batch.run import duplicates as twins_module
from upscaler.batch.run.batch import Batch, Settings
from upscaler.upscaler import Upscaler

SETTINGS = Settings(model="fast", scale=2, runtime="cpu", streams=2)


class Silent:
    def __init__(self):
        self.results = {}

    def note(self, text):
        pass

    def opened(self, upscaler, files):
        pass

    def result(self, result):
        self.results[result.name] = result


@pytest.fixture
def begun(monkeypatch):
    """The pictures that were enlarged."""
    pictures = []
    real = Upscaler.begin

    def begin(self, picture, watch=None):
        pictures.append(picture)
        return real(self, picture, watch)

    monkeypatch.setattr(Upscaler, "begin", begin)
    return pictures


@pytest.fixture
def copies(tmp_path, photo):
    """Three copies of one picture, one other of the same size in bytes, and a broken pair."""
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(photo).save(folder / "a.bmp")
    shutil.copy(folder / "a.bmp", folder / "b.bmp")
    shutil.copy(folder / "a.bmp", folder / "sub" / "c.bmp")
    Image.fromarray(photo[::-1]).save(folder / "d.bmp")
    for name in ("e.png", "f.png"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return folder


def run(folder, output, format_name="keep"):
    notes = Silent()
    summary = Batch(plan(folder, output, format_name), SETTINGS, notes).run()
    return summary, notes.results


def test_equal_inputs_are_enlarged_once(copies, tmp_path, begun):
    out = tmp_path / "out"
    summary, results = run(copies, out)
    assert len(begun) == 2
    assert summary.counts["done"] == 4 and summary.counts["failed"] == 2
    contents = [(out / name).read_bytes() for name in ("a.bmp", "b.bmp", "sub/c.bmp")]
    assert len(set(contents)) == 1
    assert (out / "d.bmp").read_bytes() != contents[0]
    assert results["e.png"].error == results["f.png"].error

    again, _ = run(copies, out)
    assert again.counts["skipped"] == 4 and len(begun) == 2


def test_copies_in_other_formats_are_no_twins(copies, tmp_path, begun):
    (copies / "a.bmp").rename(copies / "a.png")  # content decides how it is read, not the name
    run(copies, tmp_path / "out")
    assert len(begun) == 3
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert image.format == "PNG"


def test_a_first_that_changed_is_not_copied(copies, tmp_path, monkeypatch):
    real, times = twins_module.stamp, iter(range(100))
    monkeypatch.setattr(
        twins_module, "stamp", lambda path: real(path)._replace(mtime_ns=next(times))
    )
    summary, results = run(copies, tmp_path / "out")
    assert summary.counts["done"] == 2
    assert "has changed since" in results["b.bmp"].error
    monkeypatch.undo()
    summary, _ = run(copies, tmp_path / "out")
    assert summary.counts["done"] == 2  # it was not their fault: tried again


def test_a_copy_that_cannot_be_written_fails_alone(copies, tmp_path, monkeypatch):
    def full(source, path):
        raise twins_module.PassingError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(twins_module, "copy_file", full)
    summary, results = run(copies, tmp_path / "out")
    assert summary.counts["done"] == 2
    assert "No space left" in results["b.bmp"].error


@pytest.mark.parametrize("unwritable", [("a",), ("a", "b")])
def test_a_first_that_cannot_be_written_fails_alone(tmp_path, photo, begun, unwritable):
    """A file stands where the folder of its output should be."""
    for name in "abcd":
        (tmp_path / "in" / name).mkdir(parents=True)
        Image.fromarray(photo).save(tmp_path / "in" / name / "x.png")
    out = tmp_path / "out"
    out.mkdir()
    for name in unwritable:
        (out / name).touch()
    summary, results = run(tmp_path / "in", out)
    assert {name for name, result in results.items() if result.error} == {
        f"{name}/x.png" for name in unwritable
    }
    assert (summary.counts["done"], summary.counts["failed"]) == (
        4 - len(unwritable),
        len(unwritable),
    )
    assert len(begun) == len(unwritable) + 1
    assert (out / "c/x.png").read_bytes() == (out / "d/x.png").read_bytes()
    assert run(tmp_path / "in", out)[0].counts["skipped"] == 4 - len(unwritable)
