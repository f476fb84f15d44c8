"""What a later run leaves alone: what holds what it held, and what somebody has changed."""

import os
import shutil

import pytest
from PIL import Image

from upscaler.batch.dry_run import Expected, forecast
from upscaler.batch.plan.jobs import plan
from upscaler.batch.report import Status
from upscaler.batch.run.settings import Settings
from upscaler.batch.state import resume
from upscaler.batch.state.journal import open_journal


@pytest.fixture
def out(folder, tmp_path, run):
    """An output folder in which all is done."""
    run(folder, tmp_path / "out")
    return tmp_path / "out"


def retouch(path):
    """Change a picture, as somebody would who rates it or takes away a spot."""
    path.write_bytes(path.read_bytes() + b"a rating")


def rest(path, seconds):
    """Move a file's time."""
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + int(seconds * 1e9)))


def files(folder):
    return [path for path in folder.rglob("*.*") if path.is_file() and ".upscaler" not in str(path)]


@pytest.mark.parametrize("sides", [["in"], ["out"], ["in", "out"]], ids=str)
def test_a_new_time_alone_changes_nothing(folder, out, run, monkeypatch, sides):
    for path in [path for side in sides for path in files(out.parent / side)]:
        rest(path, 5)
    summary, notes = run(folder, out)
    assert summary.counts[Status.SKIPPED] == 3
    assert notes.opened_with is None
    # from then on the new time is the known one
    monkeypatch.setattr(resume, "file_sha256", lambda path: pytest.fail(f"read {path}"))
    assert run(folder, out)[0].counts[Status.SKIPPED] == 3


def test_a_copy_of_both_folders_is_done(folder, out, tmp_path, run, monkeypatch):
    for name in ("in", "out"):
        shutil.copytree(tmp_path / name, tmp_path / "copy" / name, copy_function=shutil.copyfile)
    copied = tmp_path / "copy" / "in", tmp_path / "copy" / "out"
    assert run(*copied)[0].counts[Status.SKIPPED] == 3
    monkeypatch.setattr(resume, "file_sha256", lambda path: pytest.fail(f"read {path}"))
    assert run(*copied)[0].counts[Status.SKIPPED] == 3


def test_a_dry_run_compares_and_notes_nothing(folder, out):
    known = (folder / "a.png").stat().st_mtime_ns
    rest(folder / "a.png", 5)
    planned, settings = plan(folder, out, "keep"), Settings("fast", 2, runtime="cpu")
    for _ in range(2):
        assert forecast(planned, settings).count(Expected.SKIPPED) == 3
    with open_journal(out) as journal:
        entry = journal.find(planned.jobs[0])
    assert entry.input.mtime_ns == known


def test_other_contents_of_the_same_size_are_done_again(folder, out, photo, run):
    Image.fromarray(photo).save(folder / "a.bmp")
    run(folder, out)
    Image.fromarray(255 - photo).save(folder / "a.bmp")
    rest(folder / "a.bmp", 5)
    assert run(folder, out)[0].counts[Status.DONE] == 1


def test_what_changed_while_it_was_read_is_done_again(folder, tmp_path, run, monkeypatch):
    """Its time is the old one in the journal, and its contents must not pass for the known ones."""
    from upscaler.batch.run import pipeline

    read = pipeline.open_picture

    def changed_behind(path, max_pixels):
        picture = read(path, max_pixels)
        rest(path, 5)
        return picture

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "open_picture", changed_behind)
        run(folder, tmp_path / "out")
    assert run(folder, tmp_path / "out")[0].counts[Status.DONE] == 3


@pytest.mark.parametrize(
    "also",
    [
        {},
        {"verify": True},
        {"retry_failed": True},
    ],
    ids=str,
)
def test_an_output_that_somebody_changed_is_kept(folder, out, run, also):
    retouch(out / "a.png")
    changed = (out / "a.png").read_bytes()
    summary, notes = run(folder, out, **also)
    assert (summary.counts[Status.KEPT], summary.exit_code) == (1, 0)
    (kept,) = [result for result in notes.results if result.status is Status.KEPT]
    assert (kept.name, kept.target) == ("a.png", str(out / "a.png"))
    assert "1 kept as you changed it" in str(summary)
    assert (out / "a.png").read_bytes() == changed
    assert run(folder, out, **also)[0].counts[Status.KEPT] == 1  # and said again


def test_a_changed_output_is_kept_though_its_input_is_new_or_was_bad(folder, out, photo, run):
    retouch(out / "a.png")
    changed = (out / "a.png").read_bytes()
    (folder / "a.png").write_bytes(b"half copied")
    run(folder, out)
    Image.fromarray(255 - photo).save(folder / "a.png")
    assert run(folder, out)[0].counts[Status.KEPT] == 1
    assert (out / "a.png").read_bytes() == changed


def test_a_changed_output_is_made_again_where_that_is_wanted(folder, out, run):
    before = (out / "a.png").read_bytes()
    retouch(out / "a.png")
    (out / "a.png").rename(out / "mine")
    assert run(folder, out)[0].counts[Status.DONE] == 1
    retouch(out / "a.png")
    assert run(folder, out, overwrite=True)[0].counts[Status.DONE] == 3
    assert (out / "a.png").read_bytes() == before


def test_a_dry_run_says_what_would_be_kept(folder, out):
    retouch(out / "a.png")
    preview = forecast(plan(folder, out, "keep"), Settings("fast", 2, runtime="cpu"))
    assert (preview.count(Expected.KEPT), preview.count(Expected.SKIPPED)) == (1, 2)
    assert preview.as_json()["kept"] == 1


def test_a_resume_decodes_nothing(folder, tmp_path, run, monkeypatch):
    run(folder, tmp_path / "out")

    def fail(*arguments, **options):
        raise AssertionError("decoded")

    monkeypatch.setattr(Image, "open", fail)
    for verify in (False, True):
        assert run(folder, tmp_path / "out", verify=verify)[0].counts[Status.SKIPPED] == 3
