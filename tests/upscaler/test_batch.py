import json
import os
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.journal import open_journal
from upscaler.batch.plan import plan
from upscaler.batch.report import Status
from upscaler.batch.run import Batch, Settings
from upscaler.errors import OutputError, UsageError

SETTINGS = {"model": "fast", "scale": 2, "runtime": "cpu", "streams": 2}


class Notes:
    """A reporter that keeps what it hears."""

    def __init__(self):
        self.opened_with, self.results = None, []

    def opened(self, upscaler, files):
        self.opened_with = (upscaler, files)

    def result(self, result):
        self.results.append(result)


def run(source, output, **changes):
    settings = Settings(**{**SETTINGS, **changes})
    notes = Notes()
    summary = Batch(plan(Path(source), Path(output), settings.format), settings, notes).run()
    return summary, notes


def names(folder):
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    shown = (path.relative_to(folder).as_posix() for path in files)
    return sorted(name for name in shown if not name.startswith(".upscaler/"))


def test_mirrors_the_tree(folder, tmp_path):
    summary, _ = run(folder, tmp_path / "out")
    assert names(tmp_path / "out") == ["a.png", "b.jpg", "sub/grey.png"]
    assert summary.counts[Status.DONE] == 3
    assert summary.ignored == 1
    assert summary.exit_code == 0
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert image.size == (106, 74)
    with Image.open(tmp_path / "out" / "sub" / "grey.png") as image:
        assert (image.mode, image.size) == ("L", (22, 18))


def test_a_second_run_does_nothing(folder, tmp_path):
    run(folder, tmp_path / "out")
    before = {
        name: (tmp_path / "out" / name).stat().st_mtime_ns for name in names(tmp_path / "out")
    }
    summary, notes = run(folder, tmp_path / "out")
    assert summary.counts[Status.SKIPPED] == 3
    assert notes.opened_with is None
    assert "nothing to do, 3 already done" in str(summary)
    assert all((tmp_path / "out" / name).stat().st_mtime_ns == before[name] for name in before)


@pytest.mark.parametrize(
    "change", ["input", "output", "output gone", "model", "format", "overwrite"]
)
def test_what_changed_is_done_again(folder, tmp_path, photo, change):
    out = tmp_path / "out"
    run(folder, out)
    settings = {}
    if change == "input":
        Image.fromarray(255 - photo).save(folder / "a.png")
    elif change == "output":
        (out / "a.png").write_bytes(b"half")
    elif change == "output gone":
        (out / "a.png").unlink()
    else:
        settings = {
            "model": {"scale": 4},
            "format": {"format": "webp"},
            "overwrite": {"overwrite": True},
        }[change]
    summary, _ = run(folder, out, **settings)
    assert summary.counts[Status.DONE] == (3 if settings else 1)
    assert summary.exit_code == 0


def test_a_bad_file_fails_alone_and_is_remembered(folder, tmp_path, photo):
    (folder / "bad.png").write_bytes(b"no image")
    summary, notes = run(folder, tmp_path / "out")
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (3, 1)
    assert summary.exit_code == 1
    assert [r.name for r in notes.results if r.status is Status.FAILED] == ["bad.png"]

    summary, notes = run(folder, tmp_path / "out")
    assert summary.counts[Status.FAILED_BEFORE] == 1
    assert summary.exit_code == 1
    assert notes.opened_with is None

    summary, _ = run(folder, tmp_path / "out", retry_failed=True)
    assert summary.counts[Status.FAILED] == 1
    Image.fromarray(photo).save(folder / "bad.png")
    summary, _ = run(folder, tmp_path / "out")
    assert summary.counts[Status.DONE] == 1
    assert summary.exit_code == 0


@pytest.mark.slow
def test_three_hundred_mixed_files_with_five_broken(tmp_path, photo):
    source = tmp_path / "in"
    kinds = ["png", "jpg", "webp", "tif", "bmp"]
    for number in range(295):
        path = source / f"d{number % 7}" / f"{number}.{kinds[number % 5]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo[: 10 + number % 27, : 10 + number % 43]).save(path)
    for number in range(5):
        (source / f"d{number}" / f"broken{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" * number)
    summary, notes = run(source, tmp_path / "out")
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (295, 5)
    assert summary.exit_code == 1
    assert len(names(tmp_path / "out")) == 295
    assert all(r.error for r in notes.results if r.status is Status.FAILED)
    summary, notes = run(source, tmp_path / "out")
    assert (summary.counts[Status.SKIPPED], summary.counts[Status.FAILED_BEFORE]) == (295, 5)
    assert notes.opened_with is None


def test_bytes_depend_on_neither_jobs_nor_tiles(folder, tmp_path, photo):
    Image.fromarray(np.tile(photo, (5, 4, 1))).save(folder / "large.png")
    trees = []
    for number, (streams, tile) in enumerate([(1, 64), (3, 64), (2, 64)]):
        out = tmp_path / f"out{number}"
        run(folder, out, streams=streams, tile=tile)
        trees.append({name: (out / name).read_bytes() for name in names(out)})
    assert trees[0] == trees[1] == trees[2]


def test_output_inside_the_input_is_never_read(folder, tmp_path):
    run(folder, folder / "large")
    summary, _ = run(folder, folder / "large")
    assert summary.counts[Status.SKIPPED] == 3
    assert names(folder / "large") == ["a.png", "b.jpg", "sub/grey.png"]


def test_one_file_to_a_folder_or_a_name(folder, tmp_path):
    run(folder / "a.png", tmp_path / "out")
    assert names(tmp_path / "out") == ["a.png"]
    run(folder / "a.png", tmp_path / "one" / "b.webp")
    with Image.open(tmp_path / "one" / "b.webp") as image:
        assert image.format == "WEBP"
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["b.webp"]
    assert "--overwrite" in run(folder / "a.png", tmp_path / "one" / "b.webp")[1].results[0].error


def test_foreign_files_are_not_replaced(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    summary, notes = run(folder, out)
    assert (out / "a.png").read_bytes() == b"mine"
    assert summary.counts[Status.FAILED] == 1
    assert "--overwrite" in notes.results[0].error
    assert run(folder, out, overwrite=True)[0].exit_code == 0


def test_colliding_names_keep_their_own(folder, tmp_path, photo):
    Image.fromarray(photo).save(folder / "a.jpg")
    run(folder, tmp_path / "out", format="png")
    expected = ["a.jpg.png", "a.png.png", "b.png", "sub/grey.png"]
    assert names(tmp_path / "out") == expected


def test_hidden_files_are_ignored_and_links_followed_to_files_only(folder, tmp_path, photo):
    Image.fromarray(photo).save(folder / ".hidden.png")
    (folder / "link.png").symlink_to(folder / "a.png")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    run(folder, tmp_path / "out")
    assert names(tmp_path / "out") == ["a.png", "b.jpg", "link.png", "sub/grey.png"]


def test_a_pipe_is_no_image(folder, tmp_path):
    os.mkfifo(folder / "pipe.png")
    assert run(folder, tmp_path / "out")[0].ignored == 2


def test_input_as_output_is_refused(folder):
    for same in (folder, folder / "sub" / ".."):
        with pytest.raises(UsageError, match="another output"):
            plan(folder, same, "keep")


def test_stale_temporary_files_are_swept(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    stale = out / ".upscaler-dead.part"
    stale.write_bytes(b"half")
    (out / "a.png").unlink()
    run(folder, out)
    assert not stale.exists()


def test_two_runs_never_share_an_output(tmp_path):
    with (
        open_journal(tmp_path),
        pytest.raises(OutputError, match=f"process {os.getpid()}"),
        open_journal(tmp_path),
    ):
        pass


def test_a_journal_that_is_no_database(folder, tmp_path):
    out = tmp_path / "out"
    (out / ".upscaler").mkdir(parents=True)
    (out / ".upscaler" / "journal.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(OutputError, match="not a database"):
        run(folder, out)


def test_the_journal_says_what_was_done(folder, tmp_path):
    run(folder, tmp_path / "out")
    database = sqlite3.connect(tmp_path / "out" / ".upscaler" / "journal.sqlite")
    rows = database.execute("SELECT name, error FROM files ORDER BY name").fetchall()
    assert rows == [("a.png", None), ("b.jpg", None), ("sub/grey.png", None)]


def test_a_side_beyond_the_format_fails_before_the_work(tmp_path, monkeypatch):
    source = tmp_path / "in"
    source.mkdir()
    Image.new("RGB", (8200, 2)).save(source / "long.png")
    summary, notes = run(source, tmp_path / "out", format="webp")
    assert "16400 pixels" in notes.results[0].error
    assert summary.exit_code == 1


def test_an_interrupt_ends_the_threads(folder, tmp_path):
    class Impatient(Notes):
        def result(self, result):
            raise KeyboardInterrupt

    settings = Settings(**SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        Batch(plan(folder, tmp_path / "out", "keep"), settings, Impatient()).run()
    assert not [t for t in threading.enumerate() if t.name.startswith(("read", "infer", "write"))]
    assert run(folder, tmp_path / "out")[0].exit_code == 0


def test_results_are_plain_json(folder, tmp_path):
    summary, notes = run(folder, tmp_path / "out")
    records = [json.loads(json.dumps(result.as_json())) for result in notes.results]
    assert {record["name"] for record in records} == {"a.png", "b.jpg", "sub/grey.png"}
    assert summary.as_json()["done"] == 3
