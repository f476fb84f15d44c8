"""What of a folder takes no part: counted, named, and never silent."""

from collections import Counter

import pytest

from upscaler.batch.not_read import NO_EXTENSION, NotRead
from upscaler.batch.plan.jobs import plan
from upscaler.batch.plan.listing import Selection
from upscaler.batch.report import Status, Summary


def test_files_are_counted_by_their_extension(folder, tmp_path, run):
    for name in ("a.CR2", "b.cr2", "sub/c.cr2", "paper.pdf", "README", ".DS_Store", "x.tar.gz"):
        (folder / name).write_bytes(b"")
    summary, _ = run(folder, tmp_path / "out")
    kinds = {".cr2": 3, ".gz": 1, ".pdf": 1, ".txt": 1, NO_EXTENSION: 1}
    assert dict(summary.not_read.by_extension) == kinds
    assert (summary.not_read.hidden, summary.ignored) == (1, 8)
    assert summary.counts[Status.DONE] == 3 and summary.exit_code == 0
    assert str(summary).endswith(
        "; not read: 3 .cr2, 1 .gz, 1 .pdf, 1 .txt, 1 without extension, 1 hidden"
    )
    assert summary.as_json()["not_read"] == kinds


@pytest.mark.parametrize(
    "name",
    [
        *("@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", ".@__thumb", "lost+found", "@EADIR"),
        *("Photos.photoslibrary", "Lightroom Catalog Previews.lrdata", "__MACOSX", ".git"),
        "System Volume Information",
    ],
)
def test_folders_of_thumbnails_and_waste_are_not_entered(folder, tmp_path, name):
    for parent in (folder, folder / "sub"):
        (parent / name / "below").mkdir(parents=True)
        (parent / name / "below" / "thumb.jpg").write_bytes((folder / "b.jpg").read_bytes())
    planned = plan(folder, tmp_path / "out", "keep")
    assert [job.name for job in planned.jobs] == ["a.png", "b.jpg", "sub/grey.png"]
    assert planned.not_read.folders == {name: 2}
    assert str(planned.not_read) == f"not read: 1 .txt; folders not entered: 2 {name}"


def test_such_a_folder_is_read_where_it_is_the_input(folder, tmp_path):
    (folder / "sub").rename(folder / "#recycle")
    planned = plan(folder / "#recycle", tmp_path / "out", "keep")
    assert [job.name for job in planned.jobs] == ["grey.png"]


def test_folders_of_people_are_entered(folder, tmp_path):
    for name in ("recycle", "eaDir", "photoslibrary", "tmp"):
        (folder / name).mkdir()
        (folder / name / "c.jpg").write_bytes((folder / "b.jpg").read_bytes())
    assert len(plan(folder, tmp_path / "out", "keep").jobs) == 3 + 4


def test_many_kinds_are_named_in_one_line():
    kinds = Counter({f".x{number:02}": 100 - number for number in range(40)})
    words = str(NotRead(kinds))
    assert words.startswith("not read: 100 .x00, 99 .x01, ") and ", 89 .x11, " in words
    assert words.endswith(f", {sum(range(61, 89))} of 28 other kinds")


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        ({}, 0, "no images to upscale (the folder is empty)"),
        ({"left_out": 3}, 0, "no images to upscale (3 left out)"),
        (
            {"left_out": 3, "not_read": NotRead(Counter({".cr2": 5}))},
            0,
            "no images to upscale (3 left out); not read: 5 .cr2",
        ),
        (
            {"not_read": NotRead(hidden=2)},
            0,
            "no images to upscale (the folder is empty); not read: 2 hidden",
        ),
        (
            {"not_read": NotRead(Counter({".cr2": 500, ".pdf": 12}))},
            3,
            "no image that can be read; not read: 500 .cr2, 12 .pdf",
        ),
    ],
)
def test_an_empty_folder_is_told_from_one_with_nothing_readable(facts, code, words):
    summary = Summary(**facts)
    assert (summary.exit_code, str(summary)) == (code, words)


def test_a_part_without_an_image_is_no_failure(folder, tmp_path, run):
    summary, _ = run(folder, tmp_path / "out", selection=Selection(include=("none",)))
    assert summary.exit_code == 0
