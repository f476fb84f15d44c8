import fcntl
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from upscaler.batch import plan as plan_module
from upscaler.batch.journal import open_journal
from upscaler.batch.plan import plan
from upscaler.batch.report import Status
from upscaler.batch.run import Batch, Settings
from upscaler.errors import OutputError, UsageError
from upscaler.images import sweep

SETTINGS = {"model": "fast", "scale": 2, "runtime": "cpu", "streams": 2}


class Notes:
    """A reporter that keeps what it hears."""

    def __init__(self):
        self.opened_with, self.results = None, []

    def note(self, text):
        pass

    def opened(self, upscaler, files):
        self.opened_with = (upscaler, files)

    def result(self, result):
        self.results.append(result)


def run(source, output, **changes):
    planned = plan(Path(source), Path(output), changes.pop("format", "keep"))
    notes = Notes()
    summary = Batch(planned, Settings(**{**SETTINGS, **changes}), notes).run()
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


@pytest.mark.parametrize("runtime", ["cpu", "auto"])
def test_bytes_do_not_depend_on_the_number_of_jobs(folder, tmp_path, photo, runtime):
    Image.fromarray(np.tile(photo, (5, 4, 1))).save(folder / "large.png")
    trees = []
    for streams in (1, 3, 2):
        out = tmp_path / f"out{streams}"
        run(folder, out, streams=streams, tile=64, runtime=runtime)
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


@settings(max_examples=200)
@given(
    st.sets(
        st.builds(
            lambda stem, extensions: Path(stem + "".join(extensions)),
            st.sampled_from("aAb"),
            st.lists(st.sampled_from([".png", ".jpg", ".JPG", "-2.png", ".jpeg"]), min_size=1),
        ),
        max_size=12,
    ),
    st.sampled_from(["keep", "png", "jpg"]),
)
def test_no_two_inputs_share_an_output(files, format_name):
    kinds = {file: plan_module._wanted_format(file, format_name) for file in sorted(files)}
    targets = [target for target, _ in plan_module._targets(kinds).values()]
    assert len({str(target).casefold() for target in targets}) == len(files)


def test_an_output_folder_may_be_named_otherwise_or_moved(folder, tmp_path, monkeypatch):
    run(folder, tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert run("in", "out")[0].counts[Status.SKIPPED] == 3
    (tmp_path / "out").rename(tmp_path / "moved")
    assert run(folder, "moved")[0].counts[Status.SKIPPED] == 3


def test_formats_by_turns_are_remembered_side_by_side(folder, tmp_path):
    for name in ("png", "webp"):
        run(folder, tmp_path / "out", format=name)
    summary, _ = run(folder, tmp_path / "out", format="png")
    assert summary.counts[Status.SKIPPED] == 3


def test_two_inputs_never_overwrite_each_other(folder, tmp_path, photo):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(255 - photo).save(other / "a.png")
    run(folder, tmp_path / "out")
    before = (tmp_path / "out" / "a.png").read_bytes()
    summary, notes = run(other, tmp_path / "out")
    assert summary.exit_code == 1
    assert f"was made from {folder / 'a.png'}" in notes.results[0].error
    assert (tmp_path / "out" / "a.png").read_bytes() == before


def test_a_file_in_the_place_of_a_failed_output_is_kept(folder, tmp_path, photo):
    (folder / "bad.png").write_bytes(b"no image")
    run(folder, tmp_path / "out")
    (tmp_path / "out" / "bad.png").write_bytes(b"mine")
    Image.fromarray(photo).save(folder / "bad.png")
    assert run(folder, tmp_path / "out")[0].exit_code == 1
    assert (tmp_path / "out" / "bad.png").read_bytes() == b"mine"


def test_an_original_is_never_replaced(folder, photo):
    before = (folder / "a.png").read_bytes()
    for source, output in [(folder / "a.png", folder), (folder / "sub", folder)]:
        Image.fromarray(photo).save(folder / "grey.png")
        (folder / "sub" / "sub").mkdir(exist_ok=True)
        Image.fromarray(photo).save(folder / "sub" / "sub" / "grey.png")
        with pytest.raises(UsageError, match="would replace the input"):
            run(source, output, overwrite=True)
    assert (folder / "a.png").read_bytes() == before


def test_an_output_stays_ours_through_a_failure(folder, tmp_path, photo):
    run(folder, tmp_path / "out")
    (folder / "a.png").write_bytes(b"half copied")
    assert run(folder, tmp_path / "out")[0].counts[Status.FAILED] == 1
    Image.fromarray(photo).save(folder / "a.png")
    summary, _ = run(folder, tmp_path / "out")
    assert (summary.exit_code, summary.counts[Status.DONE]) == (0, 1)


def test_a_file_in_the_place_of_what_could_not_be_written_is_kept(folder, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        run(folder, tmp_path / "out")
    (tmp_path / "out" / "a.png").write_bytes(b"mine")
    summary, _ = run(folder, tmp_path / "out")
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (2, 1)
    assert (tmp_path / "out" / "a.png").read_bytes() == b"mine"


def test_a_failure_with_new_settings_does_not_pass_for_done(folder, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    run(folder, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        assert run(folder, tmp_path / "out", scale=4)[0].exit_code == 1
    assert run(folder, tmp_path / "out", scale=4)[0].counts[Status.DONE] == 3


def test_an_input_may_be_named_otherwise(folder, tmp_path):
    run(folder, tmp_path / "out")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    for name in (tmp_path / "link", folder / "sub" / ".."):
        assert run(name, tmp_path / "out")[0].counts[Status.SKIPPED] == 3


def test_deleted_outputs_may_be_made_from_another_input(folder, tmp_path, photo):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(255 - photo).save(other / "a.png")
    run(folder, tmp_path / "out")
    (tmp_path / "out" / "a.png").unlink()
    assert run(other, tmp_path / "out")[0].exit_code == 0


def test_what_is_being_written_is_not_swept(tmp_path):
    with tempfile.NamedTemporaryFile(dir=tmp_path, prefix=".upscaler-", suffix=".part") as live:
        fcntl.flock(live, fcntl.LOCK_EX)
        (tmp_path / ".upscaler-dead.part").write_bytes(b"half")
        sweep(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [Path(live.name).name]


def test_names_that_are_no_text(folder, tmp_path, photo):
    name = os.fsdecode(b"caf\xe9.png")
    Image.fromarray(photo).save(folder / name)
    assert run(folder, tmp_path / "out")[0].exit_code == 0
    assert (tmp_path / "out" / name).exists()
    assert run(folder, tmp_path / "out")[0].counts[Status.SKIPPED] == 4


def test_a_name_too_long_fails_alone(folder, tmp_path, photo):
    Image.fromarray(photo).save(folder / ("y" * 251 + ".png"))
    summary, notes = run(folder, tmp_path / "out", format="webp")
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (3, 1)
    assert next(r for r in notes.results if r.error).error.endswith("File name too long")


def test_failures_of_the_machine_are_tried_again(folder, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        summary, notes = run(folder, tmp_path / "out")
    assert summary.counts[Status.FAILED] == 3
    assert "No space left" in notes.results[0].error
    assert names(tmp_path / "out") == []
    assert run(folder, tmp_path / "out")[0].counts[Status.DONE] == 3


def test_a_picture_larger_than_the_budget_runs_alone(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("upscaler.batch.run.memory_bytes", lambda: 4000)
    assert run(folder, tmp_path / "out", streams=3)[0].counts[Status.DONE] == 3


def test_a_dangling_link_is_a_failure_not_a_gap(folder, tmp_path):
    (folder / "lost.png").symlink_to(folder / "nowhere.png")
    summary, notes = run(folder, tmp_path / "out")
    assert summary.exit_code == 1
    assert [r.name for r in notes.results if r.error] == ["lost.png"]


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(tmp_path, photo):
    source, out, whole = tmp_path / "in", tmp_path / "out", tmp_path / "whole"
    source.mkdir()
    for number in range(60):
        Image.fromarray(np.roll(photo, number, axis=1)).resize((200, 150)).save(
            source / f"{number}.png"
        )
    command = [sys.executable, "-m", "upscaler", "run", str(source), str(out), "-s", "2", "-q"]
    for kill in (4, 21, 40):
        process = subprocess.Popen(command)
        while process.poll() is None and len(list(out.glob("*.png"))) < kill:
            time.sleep(0.005)
        process.kill()
        process.wait()
    assert subprocess.run(command, check=False).returncode == 0
    assert not list(out.glob(".upscaler-*"))
    run(source, whole, runtime="auto")
    assert {n: (out / n).read_bytes() for n in names(out)} == {
        n: (whole / n).read_bytes() for n in names(whole)
    }


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
    rows = database.execute("SELECT target, error FROM outputs ORDER BY target").fetchall()
    assert rows == [(b"a.png", None), (b"b.jpg", None), (b"sub/grey.png", None)]


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
