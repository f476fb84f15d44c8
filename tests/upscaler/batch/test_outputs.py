"""What a journal says of outputs, to `status`, `compare` and `serve`."""

import sqlite3
from contextlib import closing

import pytest

from upscaler.batch.plan.listing import STATE_FOLDER
from upscaler.batch.state.database import journals
from upscaler.batch.state.journal import read_journal


@pytest.mark.parametrize("target", ["/etc/hostname", "../secret.png", "sub/../../secret.png"])
def test_what_leads_out_of_the_folder_is_left_out(folder, tmp_path, run, target):
    """A journal may come from somebody else, and a page would show what it names."""
    out = tmp_path / "out"
    run(folder, out)
    (journal,) = journals(out / STATE_FOLDER)
    with closing(sqlite3.connect(journal)) as database, database:
        database.execute("UPDATE jobs SET target = ? WHERE target = ?", (target.encode(), b"a.png"))
    with read_journal(out) as known:
        assert [output.target for output in known.outputs()] == ["b.jpg", "sub/grey.png"]
