"""Outputs that were made with other settings: a run says so, and leaves them alone."""

import hashlib
import json
import sqlite3
from contextlib import closing

import pytest
from PIL import Image

from upscaler.batch.dry_run import Expected, forecast
from upscaler.batch.plan.jobs import plan
from upscaler.batch.plan.listing import Selection
from upscaler.batch.report import Status
from upscaler.batch.run.settings import Settings
from upscaler.batch.state.settings_key import SettingsKey
from upscaler.errors import UsageError

_FACTS = {"model": "1f", "size": "x2", "precision": "auto", "quality": None, "strip": False}


@pytest.fixture
def out(folder, tmp_path, run):
    """An output folder in which all is done."""
    run(folder, tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "balanced"}, "3 outputs were made with fast-x2; .* again with balanced-x2"),
        ({"scale": 4}, "3 outputs were made with fast-x2; .* again with fast-x4"),
        ({"scale": 1.5}, "3 outputs were made with x2; .* again with x1.5"),
        ({"precision": "fp32"}, "made with precision auto; .* again with precision fp32"),
    ],
    ids=str,
)
def test_a_run_with_other_settings_is_refused(folder, out, tree, run, changes, words):
    before = tree(out)
    with pytest.raises(UsageError, match=words):
        run(folder, out, **changes)
    assert tree(out) == before
    assert run(folder, out)[0].counts[Status.SKIPPED] == 3
    assert run(folder, out, overwrite=True, **changes)[0].counts[Status.DONE] == 3
    assert run(folder, out, **changes)[0].counts[Status.SKIPPED] == 3


def test_what_does_not_change_the_picture_is_no_other_setting(folder, out, run):
    changes = {"runtime": "auto", "tile": 16, "streams": 1, "timeout": 60.0}
    assert run(folder, out, **changes)[0].counts[Status.SKIPPED] == 3


def test_new_and_missing_files_may_be_made_with_other_settings(folder, out, photo, run):
    Image.fromarray(photo).save(folder / "new.png")
    chosen = Selection(include=("new.png",))
    assert run(folder, out, selection=chosen, scale=4)[0].counts[Status.DONE] == 1
    with pytest.raises(UsageError, match=r"1 output was made with fast-x4; --overwrite makes it"):
        run(folder, out)
    (out / "new.png").unlink()
    assert run(folder, out)[0].counts[Status.DONE] == 1


def test_overwriting_goes_on_where_it_was_stopped(folder, out, run, monkeypatch, notes):
    class Stopped(Exception):
        pass

    def stop(result):
        raise Stopped

    monkeypatch.setattr(notes, "result", stop)
    with pytest.raises(Stopped):
        run(folder, out, scale=4, overwrite=True, reporter=notes)
    summary, _ = run(folder, out, scale=4)
    assert summary.counts[Status.DONE] + summary.counts[Status.SKIPPED] == 3
    assert summary.counts[Status.DONE] < 3


def test_a_dry_run_shows_it(folder, out):
    (out / "a.png").unlink()
    preview = forecast(plan(folder, out, "keep"), Settings("fast", 4, runtime="cpu"))
    assert (preview.count(Expected.TO_DO), preview.count(Expected.OTHER)) == (1, 2)
    assert preview.exit_code == 2
    assert preview.other_settings.startswith("2 outputs were made with fast-x2; ")
    assert {file.as_json().get("made_with") for file in preview.files} == {None, "fast-x2"}


def test_a_model_trained_anew_is_another_one():
    key = SettingsKey.of("fast-x2", _FACTS)
    before = SettingsKey.of("fast-x2", {**_FACTS, "model": "2e"}).settings
    assert not key.agrees(before)
    assert key.compared(before) == ("another fast-x2", "fast-x2")


def test_a_model_file_that_is_called_otherwise_is_the_same():
    assert SettingsKey.of("mine", _FACTS).agrees(SettingsKey.of("yours", _FACTS).settings)


def test_settings_are_named_each():
    before = SettingsKey.of("fast-x2", {**_FACTS, "size": "width 90", "quality": 80, "wrap": True})
    now = SettingsKey.of("fast-x2", {**_FACTS, "quality": 95})
    assert now.compared(before.settings) == (
        "quality 80, width 90, wrap on",
        "quality 95, x2, wrap off",
    )


def test_what_an_earlier_version_made_is_done(folder, out, run):
    """Its journals keep a sha256 of the settings, the runtime among them."""
    with closing(sqlite3.connect(out / ".upscaler" / "journal.sqlite")) as journal, journal:
        for (kept,) in journal.execute("SELECT DISTINCT settings FROM jobs").fetchall():
            facts = {**json.loads(kept), "runtime": "cpu"}
            del facts["title"]
            digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
            journal.execute("UPDATE jobs SET settings = ? WHERE settings = ?", (digest, kept))
    assert run(folder, out)[0].counts[Status.SKIPPED] == 3
    with pytest.raises(UsageError, match="3 outputs were made with other options; "):
        run(folder, out, scale=4)
