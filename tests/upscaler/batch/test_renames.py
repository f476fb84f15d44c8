"""An output whose name belongs to an input that has come since follows the rule of names."""

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.dry_run import Expected, forecast
from upscaler.batch.plan.jobs import plan
from upscaler.batch.plan.listing import Selection, Shard
from upscaler.batch.report import Status
from upscaler.batch.run.batch import Settings
from upscaler.batch.state.journal import Journal, read_journal


@pytest.fixture
def grown(tmp_path, photo, run):
    """A folder of which `a.gif` was done before `a.png` came; returns it and the output folder."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    Image.fromarray(photo).convert("P").save(source / "a.gif")
    run(source, out)
    Image.fromarray(np.flipud(photo)).save(source / "a.png")
    return source, out


def contents(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


def counts(summary):
    return tuple(summary.counts[status] for status in (Status.DONE, Status.SKIPPED, Status.FAILED))


def test_what_was_made_is_renamed_and_not_made_again(grown, tmp_path, run):
    source, out = grown
    before = contents(out)["a.png"]
    summary, _ = run(source, out)
    assert counts(summary) == (1, 1, 0)
    assert contents(out)["a.gif.png"] == before
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")
    assert counts(run(source, out)[0]) == (0, 2, 0)
    with read_journal(out) as journal:
        assert [name for name, *_ in journal.targets()] == ["a.gif.png", "a.png"]


def test_it_is_said(grown, command):
    source, out = grown
    code, _, err = command("run", source, out, "-s", "2", "-r", "cpu")
    assert code == 0
    assert "a.png, made from a.gif, is now a.gif.png" in err


def test_a_dry_run_knows_and_changes_nothing(grown):
    source, out = grown
    before = contents(out)
    settings = Settings(model="fast", scale=2, runtime="cpu")
    said = forecast(plan(source, out, "keep"), settings)
    assert {file.name: file.expected for file in said.files} == {
        "a.gif": Expected.SKIPPED,
        "a.png": Expected.TO_DO,
    }
    assert {file.target for file in said.files} == {str(out / "a.gif.png"), str(out / "a.png")}
    assert contents(out) == before


@pytest.mark.parametrize("chosen", ["a.gif", "a.png"])
def test_whatever_is_chosen(grown, tmp_path, run, chosen):
    source, out = grown
    before = contents(out)["a.png"]
    summary, _ = run(source, out, selection=Selection(include=(chosen,)))
    assert summary.exit_code == 0
    assert contents(out)["a.gif.png"] == before
    assert run(source, out)[0].exit_code == 0
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


@pytest.mark.parametrize("moment", ["begin_rename", "rename", "end_rename"])
def test_a_kill_in_between_loses_nothing(grown, tmp_path, run, monkeypatch, moment):
    class Killed(BaseException):
        pass

    def kill(*arguments):
        raise Killed

    source, out = grown
    with monkeypatch.context() as patch, pytest.raises(Killed):
        if moment == "rename":
            patch.setattr("pathlib.Path.rename", kill)
        else:
            patch.setattr(Journal, moment, kill)
        run(source, out)
    assert len(contents(out)) == 1
    assert run(source, out)[0].exit_code == 0
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_file_of_somebody_else_is_kept(grown, run):
    source, out = grown
    (out / "a.gif.png").write_bytes(b"mine")
    before = contents(out)
    summary, notes = run(source, out)
    assert counts(summary) == (0, 0, 2)
    assert contents(out) == before
    assert all("--overwrite" in result.error for result in notes.results)


def test_what_another_input_made_is_no_concern(grown, tmp_path, photo, run):
    source, out = grown
    other = tmp_path / "other"
    other.mkdir()
    for name in ("a.gif", "a.png"):
        Image.fromarray(photo).convert("P").save(other / name)
    before = contents(out)["a.png"]
    summary, notes = run(other, out)
    assert counts(summary) == (1, 0, 1)
    assert contents(out)["a.png"] == before
    assert f"was made from {source / 'a.gif'}" in notes.results[0].error


def test_another_format_by_the_same_name_is_no_concern(tmp_path, photo, run):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    Image.fromarray(photo).save(source / "a.jpg")
    run(source, out, format="png")
    Image.fromarray(photo).save(source / "a.png")
    before = contents(out)["a.png"]
    summary, _ = run(source, out)  # a.jpg becomes a.jpg, and a.png was made from it
    assert counts(summary) == (1, 0, 1)
    assert contents(out)["a.png"] == before
    assert counts(run(source, out, format="png")[0]) == (1, 1, 0)
    assert contents(out)["a.jpg.png"] == before
    assert counts(run(source, out)[0]) == (0, 2, 0)


def test_names_move_up_one_after_the_other(grown, tmp_path, photo, run):
    source, out = grown
    run(source, out)
    first = contents(out)["a.gif.png"]
    Image.fromarray(np.fliplr(photo)).save(source / "a.gif.png")
    assert counts(run(source, out)[0]) == (1, 2, 0)
    assert contents(out)["a.gif-2.png"] == first
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


def test_shards_rename_nothing_and_the_next_run_puts_it_right(grown, tmp_path, run):
    source, out = grown
    shards = [Selection(shard=Shard(number, 2)) for number in (1, 2)]
    ended = [counts(run(source, out, selection=shard)[0]) for shard in shards]
    assert tuple(map(sum, zip(*ended, strict=True))) == (1, 0, 1)
    assert run(source, out)[0].exit_code == 0
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_folder_that_cannot_be_written_is_left_as_it_is(grown, run, monkeypatch):
    def refused(*arguments):
        raise PermissionError(13, "Permission denied")

    source, out = grown
    before = contents(out)["a.png"]
    monkeypatch.setattr("pathlib.Path.rename", refused)
    summary, _ = run(source, out)
    assert summary.counts[Status.FAILED] == 1
    assert contents(out)["a.png"] == before


def test_one_file_under_two_names_is_two_inputs(tmp_path, photo, run):
    """Both want `a.png`; a rename that never ends would be for ever."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    Image.fromarray(photo).save(source / "a.jpg")
    (source / "a.jpeg").hardlink_to(source / "a.jpg")
    assert counts(run(source, out, format="png")[0]) == (2, 0, 0)
    before = contents(out)
    assert counts(run(source, out, format="png")[0]) == (0, 2, 0)
    assert contents(out) == before
