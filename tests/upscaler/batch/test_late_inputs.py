"""An input that comes later has its name by the rule, whatever an earlier run made under it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from upscaler.batch.dry_run import Expected, forecast
from upscaler.batch.plan.jobs import plan
from upscaler.batch.plan.listing import Selection, Shard
from upscaler.batch.report import Status
from upscaler.batch.run.pipeline import Pipeline
from upscaler.batch.run.settings import Settings
from upscaler.batch.state.journal import Journal


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


def test_each_output_gets_its_name_and_a_second_run_does_nothing(grown, tmp_path, run):
    source, out = grown
    assert counts(run(source, out)[0]) == (2, 0, 0)
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")
    assert set(contents(out)) == {"a.gif.png", "a.png"}
    assert counts(run(source, out)[0]) == (0, 2, 0)


def test_a_dry_run_knows_and_changes_nothing(grown):
    source, out = grown
    before = contents(out)
    preview = forecast(plan(source, out, "keep"), Settings(model="fast", scale=2, runtime="cpu"))
    assert [file.expected for file in preview.files] == [Expected.TO_DO, Expected.TO_DO]
    assert {file.target for file in preview.files} == {str(out / "a.gif.png"), str(out / "a.png")}
    assert contents(out) == before


@pytest.mark.parametrize(
    "selections",
    [
        [Selection(shard=Shard(number, 3)) for number in (1, 2, 3)],
        [Selection(include=("*.gif",)), Selection(exclude=("*.gif",))],
        [Selection(include=("*.png",)), Selection(exclude=("*.png",))],
    ],
    ids=["shards", "the old one first", "the new one first"],
)
def test_in_parts_it_comes_to_the_same(grown, tmp_path, run, selections):
    source, out = grown
    for done in (2, 0):
        ended = [counts(run(source, out, selection=part)[0]) for part in selections]
        assert tuple(map(sum, zip(*ended, strict=True))) == (done, 2 - done, 0)
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")
    assert counts(run(source, out)[0]) == (0, 2, 0)


def test_shards_that_do_not_know_each_other_leave_it_to_a_run_of_the_whole(tmp_path, photo, run):
    """What the same cut made before, another shard than the one that meets the name may know."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(8):
        Image.fromarray(photo[number:]).convert("P").save(source / f"{number}.gif")
    shards = [Selection(shard=Shard(number, 2)) for number in (1, 2)]
    for shard in shards:
        run(source, out, selection=shard)
    for number in range(8):
        Image.fromarray(np.flipud(photo)[number:]).save(source / f"{number}.png")
    for shard in shards:
        _, notes = run(source, out, selection=shard)
        assert all("exists already" in result.error for result in notes.results if result.error)
    assert run(source, out)[0].exit_code == 0
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


@pytest.mark.parametrize(
    ("part", "moment"), [(Pipeline, "run"), (Pipeline, "_next"), (Journal, "done")]
)
def test_a_kill_in_between_loses_nothing(grown, tmp_path, run, monkeypatch, part, moment):
    class Killed(BaseException):
        pass

    def kill(*arguments):
        raise Killed

    source, out = grown
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(part, moment, kill)
        run(source, out)
    assert run(source, out)[0].exit_code == 0
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_newcomer_that_fails_leaves_nothing_of_another_under_its_name(grown, run):
    source, out = grown
    (source / "a.png").write_bytes(b"no picture")
    assert counts(run(source, out)[0]) == (1, 0, 1)
    assert (out / "a.gif.png").is_file() and not (out / "a.png").exists()


def test_an_old_output_that_cannot_be_removed_ends_no_run(grown, run, monkeypatch):
    source, out = grown
    real = Path.unlink

    def unlink(path, **options):
        if path == out / "a.png":
            raise PermissionError(13, "Permission denied", str(path))
        real(path, **options)

    monkeypatch.setattr(Path, "unlink", unlink)
    assert counts(run(source, out)[0]) == (2, 0, 0)


def test_the_output_of_a_deleted_input_is_kept(grown, run):
    source, out = grown
    (source / "a.gif").unlink()
    before = contents(out)
    for _ in range(2):
        summary, notes = run(source, out)
        assert counts(summary) == (0, 0, 1)
        assert contents(out) == before
        assert f"was made from {source / 'a.gif'}; " in notes.results[0].error
        assert "--overwrite" in notes.results[0].error
        notes.results.clear()
    assert counts(run(source, out, overwrite=True)[0]) == (1, 0, 0)


def test_an_output_that_was_changed_since_is_kept(grown, run):
    source, out = grown
    (out / "a.png").write_bytes(b"retouched")
    summary, notes = run(source, out)
    assert counts(summary) == (1, 0, 1)
    assert contents(out)["a.png"] == b"retouched"
    assert [result.name for result in notes.results if result.error] == ["a.png"]


def test_a_file_of_somebody_else_is_kept(grown, run):
    source, out = grown
    (out / "a.gif.png").write_bytes(b"mine")
    summary, notes = run(source, out)
    assert counts(summary) == (1, 0, 1)
    assert contents(out)["a.gif.png"] == b"mine"
    assert [result.name for result in notes.results if result.error] == ["a.gif"]


def test_the_output_of_another_folder_is_kept(grown, tmp_path, photo, run):
    source, out = grown
    other = tmp_path / "other"
    other.mkdir()
    for name in ("a.gif", "a.png"):
        Image.fromarray(photo).convert("P").save(other / name)
    before = contents(out)["a.png"]
    summary, notes = run(other, out)
    assert counts(summary) == (1, 0, 1)
    assert contents(out)["a.png"] == before
    (error,) = (result.error for result in notes.results if result.error)
    assert f"was made from {source / 'a.gif'}" in error


def test_a_folder_that_was_moved_is_known_again(folder, tmp_path, photo, run):
    run(folder, tmp_path / "out")
    moved = folder.rename(tmp_path / "moved")
    assert counts(run(moved, tmp_path / "out")[0]) == (0, 3, 0)
    Image.fromarray(255 - photo).save(moved / "a.png")
    assert counts(run(moved, tmp_path / "out")[0]) == (1, 2, 0)


def test_an_input_that_was_renamed_is_known_again(tmp_path, photo, run):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    Image.fromarray(photo).save(source / "a.JPG")
    run(source, out, format="png")
    (source / "a.JPG").rename(source / "a.jpg")
    assert counts(run(source, out, format="png")[0]) == (0, 1, 0)
    assert counts(run(source, out, format="png", scale=4, overwrite=True)[0]) == (1, 0, 0)


def test_names_move_up_one_after_the_other(grown, tmp_path, photo, run):
    source, out = grown
    run(source, out)
    Image.fromarray(np.fliplr(photo)).save(source / "a.gif.png")
    assert counts(run(source, out)[0]) == (2, 1, 0)
    run(source, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


def test_one_file_under_two_names_is_two_inputs(tmp_path, photo, run):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    Image.fromarray(photo).save(source / "a.jpg")
    (source / "a.jpeg").hardlink_to(source / "a.jpg")
    assert counts(run(source, out, format="png")[0]) == (2, 0, 0)
    before = contents(out)
    assert counts(run(source, out, format="png")[0]) == (0, 2, 0)
    assert contents(out) == before
