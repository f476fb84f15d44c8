"""File systems that have no locks: some network folders, some of FUSE."""

import errno
import os
import platform
import subprocess
import sys

import pytest

fcntl = pytest.importorskip("fcntl")

from upscaler.batch.plan.listing import Shard
from upscaler.batch.report import Status
from upscaler.batch.state.entries import State
from upscaler.batch.state.journal import open_journal, read_journal
from upscaler.errors import OutputError
from upscaler.images import sweep

pytestmark = pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])


@pytest.fixture(autouse=True)
def no_locks(number, monkeypatch):
    """Let every lock fail as such a file system lets it fail."""

    def flock(file, kind):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


def test_a_run_goes_on_and_says_what_is_missing(folder, tmp_path, run, names):
    out = tmp_path / "out"
    summary, notes = run(folder, out)
    assert (summary.counts[Status.DONE], summary.exit_code) == (3, 0)
    (line,) = notes.notes
    assert line.startswith(f"the file system of {out} has no file locks")
    assert run(folder, out)[0].counts[Status.SKIPPED] == 3
    with read_journal(out) as journal:
        assert journal.totals()[State.DONE].files == 3
    assert names(out) == ["a.png", "b.jpg", "sub/grey.png"]
    assert not list((out / ".upscaler").glob("running*"))


def test_two_runs_never_share_an_output(tmp_path):
    with (
        open_journal(tmp_path),
        pytest.raises(OutputError, match=f"process {os.getpid()} on .*remove .*running"),
        open_journal(tmp_path),
    ):
        pass


def test_shards_of_one_cut_share_an_output_and_no_others(tmp_path):
    with open_journal(tmp_path, Shard(1, 3)), open_journal(tmp_path, Shard(3, 3)):
        for other in (None, Shard(1, 3), Shard(1, 2)):
            with pytest.raises(OutputError, match="another run"), open_journal(tmp_path, other):
                pass


def test_what_a_killed_run_left_does_not_lock(tmp_path):
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with open_journal(tmp_path):
        pass
    mark = tmp_path / ".upscaler" / "running"
    mark.write_text(f"process {gone} on {platform.node()}")
    with open_journal(tmp_path):
        pass
    for holder in (f"process {gone} on another", ""):  # nobody knows whether that one runs
        mark.write_text(holder)
        with pytest.raises(OutputError, match="another run"), open_journal(tmp_path):
            pass


def test_half_written_files_go_where_nobody_else_writes(tmp_path):
    (tmp_path / ".upscaler-dead.part").write_bytes(b"half")
    sweep(tmp_path)
    assert list(tmp_path.iterdir())
    sweep(tmp_path, alone=True)
    assert not list(tmp_path.iterdir())


def test_a_process_that_follows_another_one_of_its_run_holds_the_folder(tmp_path):
    """The supervisor stands in the file, and lives on where its process dies."""
    with open_journal(tmp_path):
        pass
    supervisor = os.getppid()
    mark = tmp_path / ".upscaler" / "running"
    mark.write_text(f"process {supervisor} on {platform.node()}")
    with pytest.raises(OutputError, match="another run"), open_journal(tmp_path):
        pass
    with open_journal(tmp_path, None, supervisor):
        pass
    assert not mark.exists()
