"""What an output folder remembers, and whose files stand in it."""

import hashlib
import os
import platform
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path, PureWindowsPath

import pytest
from PIL import Image

from upscaler.batch.plan.jobs import Job
from upscaler.batch.plan.listing import EVERYTHING, Selection, Shard
from upscaler.batch.report import Status
from upscaler.batch.state.database import scratch
from upscaler.batch.state.entries import State
from upscaler.batch.state.journal import Journal, open_journal, read_journal
from upscaler.batch.state.settings_key import SettingsKey
from upscaler.errors import OutputError
from upscaler.images import FORMATS
from upscaler.models import find_model
from upscaler.supervisor.line import Witness


def test_a_second_run_does_nothing(folder, tmp_path, run, names):
    run(folder, tmp_path / "out")
    before = {
        name: (tmp_path / "out" / name).stat().st_mtime_ns for name in names(tmp_path / "out")
    }
    summary, notes = run(folder, tmp_path / "out")
    assert summary.counts[Status.SKIPPED] == 3
    assert notes.opened_with is None
    assert "nothing to do, 3 already done" in str(summary)
    assert all((tmp_path / "out" / name).stat().st_mtime_ns == before[name] for name in before)


@pytest.mark.parametrize("change", ["input", "output gone", "format", "overwrite"])
def test_what_changed_is_done_again(folder, tmp_path, photo, change, run):
    out = tmp_path / "out"
    run(folder, out)
    settings = {}
    if change == "input":
        Image.fromarray(255 - photo).save(folder / "a.png")
    elif change == "output gone":
        (out / "a.png").unlink()
    else:
        settings = {
            "format": {"format": "webp"},
            "overwrite": {"overwrite": True},
        }[change]
    summary, _ = run(folder, out, **settings)
    assert summary.counts[Status.DONE] == (3 if settings else 1)
    assert summary.exit_code == 0


def test_foreign_files_are_not_replaced(folder, tmp_path, run):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    summary, notes = run(folder, out)
    assert (out / "a.png").read_bytes() == b"mine"
    assert summary.counts[Status.FAILED] == 1
    assert "--overwrite" in notes.results[0].error
    assert run(folder, out, overwrite=True)[0].exit_code == 0


def test_an_output_folder_may_be_named_otherwise_or_moved(folder, tmp_path, monkeypatch, run):
    run(folder, tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert run("in", "out")[0].counts[Status.SKIPPED] == 3
    (tmp_path / "out").rename(tmp_path / "moved")
    assert run(folder, "moved")[0].counts[Status.SKIPPED] == 3


def test_formats_by_turns_are_remembered_side_by_side(folder, tmp_path, run):
    for name in ("png", "webp"):
        run(folder, tmp_path / "out", format=name)
    summary, _ = run(folder, tmp_path / "out", format="png")
    assert summary.counts[Status.SKIPPED] == 3


def test_two_inputs_never_overwrite_each_other(folder, tmp_path, photo, run):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(255 - photo).save(other / "a.png")
    run(folder, tmp_path / "out")
    before = (tmp_path / "out" / "a.png").read_bytes()
    summary, notes = run(other, tmp_path / "out")
    assert summary.exit_code == 1
    assert f"was made from {folder / 'a.png'}" in notes.results[0].error
    assert (tmp_path / "out" / "a.png").read_bytes() == before


def test_a_file_in_the_place_of_a_failed_output_is_kept(folder, tmp_path, photo, run):
    (folder / "bad.png").write_bytes(b"no image")
    run(folder, tmp_path / "out")
    (tmp_path / "out" / "bad.png").write_bytes(b"mine")
    Image.fromarray(photo).save(folder / "bad.png")
    assert run(folder, tmp_path / "out")[0].exit_code == 1
    assert (tmp_path / "out" / "bad.png").read_bytes() == b"mine"


def test_an_output_stays_ours_through_a_failure(folder, tmp_path, photo, run):
    run(folder, tmp_path / "out")
    (folder / "a.png").write_bytes(b"half copied")
    assert run(folder, tmp_path / "out")[0].counts[Status.FAILED] == 1
    Image.fromarray(photo).save(folder / "a.png")
    summary, _ = run(folder, tmp_path / "out")
    assert (summary.exit_code, summary.counts[Status.DONE]) == (0, 1)


def test_a_file_in_the_place_of_an_unwritten_output_is_kept(folder, tmp_path, monkeypatch, run):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        run(folder, tmp_path / "out")
    (tmp_path / "out" / "a.png").write_bytes(b"mine")
    summary, _ = run(folder, tmp_path / "out")
    assert (summary.counts[Status.DONE], summary.counts[Status.FAILED]) == (2, 1)
    assert (tmp_path / "out" / "a.png").read_bytes() == b"mine"


def test_a_failure_with_new_settings_does_not_pass_for_done(folder, tmp_path, monkeypatch, run):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    run(folder, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        assert run(folder, tmp_path / "out", scale=4, overwrite=True)[0].exit_code == 1
    assert run(folder, tmp_path / "out", scale=4)[0].counts[Status.DONE] == 3


def test_an_input_may_be_named_otherwise(folder, tmp_path, run):
    run(folder, tmp_path / "out")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    for name in (tmp_path / "link", folder / "sub" / ".."):
        assert run(name, tmp_path / "out")[0].counts[Status.SKIPPED] == 3


def test_deleted_outputs_may_be_made_from_another_input(folder, tmp_path, photo, run):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(255 - photo).save(other / "a.png")
    run(folder, tmp_path / "out")
    (tmp_path / "out" / "a.png").unlink()
    assert run(other, tmp_path / "out")[0].exit_code == 0


def test_two_runs_never_share_an_output(tmp_path):
    with (
        open_journal(tmp_path),
        pytest.raises(OutputError, match=f"process {os.getpid()} on {platform.node()}"),
        open_journal(tmp_path),
    ):
        pass


def test_shards_of_one_cut_share_an_output_and_no_others(tmp_path):
    with open_journal(tmp_path, Shard(1, 3)), open_journal(tmp_path, Shard(3, 3)):
        for other in (None, Shard(1, 3), Shard(1, 2), Shard(3, 4)):
            with pytest.raises(OutputError, match="another run"), open_journal(tmp_path, other):
                pass
    with open_journal(tmp_path), pytest.raises(OutputError), open_journal(tmp_path, Shard(1, 2)):
        pass


def test_shards_make_the_whole_and_later_runs_know_it(folder, tmp_path, run, names):
    out = tmp_path / "out"
    done = [
        run(folder, out, selection=Selection(shard=Shard(number, 2)))[0].counts[Status.DONE]
        for number in (1, 2)
    ]
    assert sum(done) == 3 and names(out) == ["a.png", "b.jpg", "sub/grey.png"]
    assert run(folder, out)[0].counts[Status.SKIPPED] == 3
    run(folder, out, scale=4, overwrite=True)
    for number in (1, 2, 3):  # what the run after the shards did is the newer truth
        selection = Selection(shard=Shard(number, 3))
        summary, notes = run(folder, out, scale=4, selection=selection)
        assert notes.opened_with is None and summary.exit_code == 0


def journal_of(out):
    return sqlite3.connect(out / ".upscaler" / "journal.sqlite")


def test_a_damaged_journal_is_refused(folder, tmp_path, run):
    out = tmp_path / "out"
    run(folder, out)
    journal = out / ".upscaler" / "journal.sqlite"
    for damaged in (b"not a database at all" * 100, journal.read_bytes()[:4096] + b"?" * 8192):
        journal.write_bytes(damaged)
        with pytest.raises(OutputError, match=r"is damaged \(.*remove .* and run with --overwrite"):
            run(folder, out)
    shutil.rmtree(out / ".upscaler")
    assert run(folder, out)[0].counts[Status.FAILED] == 3
    assert run(folder, out, overwrite=True)[0].counts[Status.DONE] == 3


@pytest.mark.parametrize(
    ("version", "message"), [(99, "is of format 99, .*; update it"), (0, "older format 0; remove")]
)
@pytest.mark.parametrize("selection", [EVERYTHING, Selection(shard=Shard(1, 2))])
def test_a_journal_of_another_format_is_refused(folder, tmp_path, run, version, message, selection):
    out = tmp_path / "out"
    run(folder, out)
    with closing(journal_of(out)) as database:
        database.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(OutputError, match=message):
        run(folder, out, selection=selection)


def test_the_journal_says_what_was_done(folder, tmp_path, run):
    (folder / "bad.png").write_bytes(b"no image")
    (folder / "lost.png").symlink_to(folder / "nowhere.png")
    run(folder, tmp_path / "out")
    with closing(journal_of(tmp_path / "out")) as database:
        database.row_factory = sqlite3.Row
        rows = {row["target"]: row for row in database.execute("SELECT * FROM jobs")}
        (last,) = database.execute("SELECT done, failed, runtime FROM runs").fetchall()
    assert {name: row["state"] for name, row in rows.items()} == {
        b"a.png": "done",
        b"b.jpg": "done",
        b"bad.png": "failed",
        b"lost.png": "retry",
        b"sub/grey.png": "done",
    }
    assert tuple(last) == (3, 2, "cpu in fp32")
    row, made = rows[b"a.png"], (tmp_path / "out" / "a.png").stat()
    assert (row["output_size"], row["output_mtime_ns"]) == (made.st_size, made.st_mtime_ns)
    assert row["input_size"] == (folder / "a.png").stat().st_size
    for column, file in (("input_sha256", folder), ("output_sha256", tmp_path / "out")):
        assert row[column] == hashlib.sha256((file / "a.png").read_bytes()).hexdigest()
    assert row["source"] == os.fsencode(folder / "a.png")
    assert row["model"] == find_model("fast", 2).sha256
    assert row["seconds"] > 0 and row["reason"] is None
    assert rows[b"bad.png"]["reason"].startswith("not an image")


def test_verify_sees_what_size_and_time_do_not_show(folder, tmp_path, photo, run):
    out = tmp_path / "out"
    Image.fromarray(photo).save(folder / "b.jpg", comment=b"old")
    run(folder, out)
    for file in (folder / "b.jpg", out / "a.png"):
        found = file.stat()
        changed = file.read_bytes().replace(b"old", b"new").replace(b"IEND", b"IENE")
        file.write_bytes(changed)
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert run(folder, out)[0].counts[Status.SKIPPED] == 3
    summary, notes = run(folder, out, verify=True)
    assert summary.exit_code == 0
    seen = {result.name: result.status for result in notes.results}
    assert seen == {
        "a.png": Status.KEPT,
        "b.jpg": Status.DONE,
        "sub/grey.png": Status.SKIPPED,
    }
    assert run(folder, out, verify=True)[0].counts[Status.SKIPPED] == 2


def test_reading_a_journal_changes_nothing(folder, tmp_path, run):
    out = tmp_path / "out"
    run(folder, out)
    before = {path: path.read_bytes() for path in (out / ".upscaler").iterdir()}
    with read_journal(out) as journal:
        assert journal.totals()[State.DONE].files == 3
        assert [output.target for output in journal.outputs()] == ["a.png", "b.jpg", "sub/grey.png"]
        assert journal.last_run().done == 3
    assert {path: path.read_bytes() for path in (out / ".upscaler").iterdir()} == before
    with read_journal(tmp_path / "none") as journal:
        assert journal.totals() == {}
    assert not (tmp_path / "none").exists()


def test_a_folder_called_like_an_address_has_its_journal_inside(folder, tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    out = Path("file:large?mode=ro")
    run(folder, out)
    assert (out / ".upscaler" / "journal.sqlite").is_file()
    assert run(folder, out)[0].counts[Status.SKIPPED] == 3


def test_paths_are_kept_with_forward_slashes_on_every_system(tmp_path):
    (tmp_path / "a.png").touch()
    root = PureWindowsPath(r"D:\large")
    job = Job(tmp_path / "a.png", root / "sub" / "a.png", "sub/a.png", FORMATS["png"])
    with closing(scratch()) as database:
        journal = Journal(database, root)
        journal.claim({job: SettingsKey("", "")})
        assert [output.target for output in journal.outputs()] == ["sub/a.png"]


def test_what_a_stopped_run_never_touched_was_not_begun(
    folder, photo, tmp_path, run, notes, monkeypatch
):
    for number in range(30):
        Image.fromarray(photo).save(folder / f"{number:02}.png")

    class Touched(Witness):
        def __init__(self):
            self.names = set()

        def at(self, name, where):
            self.names.add(name)

    def interrupt(result):
        raise KeyboardInterrupt

    monkeypatch.setattr(notes, "result", interrupt)
    witness, out = Touched(), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(folder, out, memory=1, reporter=notes, witness=witness)
    with read_journal(out) as journal:
        known = {output.target for output in journal.outputs()}
    assert known <= witness.names
    assert len(known) < 12  # as many are claimed at once
    assert run(folder, out)[0].exit_code == 0
