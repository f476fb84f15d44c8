"""What an output folder remembers: which outputs are done, from what, with which settings.

Paths below OUT are kept relative, so that the folder may be moved; all paths are kept with forward
slashes, and as bytes, since file names need not be text. Every change is committed at once: a kill
loses none. A power cut may lose the last ones, and their files are then done again.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

from upscaler.batch.plan.jobs import Job
from upscaler.batch.plan.listing import STATE_FOLDER, Shard
from upscaler.batch.state import database as db
from upscaler.batch.state.entries import JournalEntry, RunRecord, State, Total
from upscaler.batch.state.file_stamp import FileStamp, Stamps, file_stamp
from upscaler.batch.state.lock import hold
from upscaler.batch.state.outputs import Output, keep_notes, outputs
from upscaler.batch.state.settings_key import SettingsKey
from upscaler.errors import OutputError
from upscaler.images import Written

_COLUMNS = (
    "source, input_size, input_mtime_ns, input_sha256, settings, "
    "output_size, output_mtime_ns, output_sha256, state, reason, updated"
)


class Journal:
    """The memory of one output folder; use `open_journal`. For one thread.

    An output is claimed when its turn is near; then it is recorded as done or as impossible, or
    released where the work may yet succeed. What stays claimed was about to be worked on, or in
    flight, when a run was killed or interrupted.
    """

    def __init__(self, database: sqlite3.Connection, root: Path | None) -> None:
        self._database, self._root = database, root
        self._below = os.fsencode(root.as_posix()) + b"/" if root else b""

    def find(self, job: Job) -> JournalEntry | None:
        """Return what is known of a job's output."""
        row = self._database.execute(
            f"SELECT {_COLUMNS} FROM jobs WHERE target = ?", (self._key(job),)
        ).fetchone()
        return _entry(row) if row else None

    def claim(self, jobs: dict[Job, SettingsKey]) -> None:
        """Remember that these outputs are in the making.

        The inputs are stamped now, before they are read: one that changes meanwhile is done again
        by the next run.
        """
        now, rows = time.time(), []
        for job, key in jobs.items():
            found = file_stamp(job.source) or (None, None)
            made_by = (key.model, key.settings)
            source = _absolute(job.source)
            rows.append((self._key(job), source, *found, *made_by, State.BEGUN, now))
        with self._database:
            self._database.executemany(
                "INSERT INTO jobs (target, source, input_size, input_mtime_ns, model, settings, "
                "state, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (target) DO UPDATE SET source = excluded.source, "
                "input_size = excluded.input_size, input_mtime_ns = excluded.input_mtime_ns, "
                "input_sha256 = NULL, model = excluded.model, settings = excluded.settings, "
                "state = excluded.state, reason = NULL, seconds = NULL, "
                "updated = excluded.updated",
                rows,
            )

    def unclaim(self, jobs: Iterable[Job]) -> None:
        """Take claims back of jobs that nobody has touched; of new ones nothing is known again."""
        keys = [(self._key(job),) for job in jobs]
        with self._database:
            self._database.executemany(
                "DELETE FROM jobs WHERE target = ? AND output_size IS NULL", keys
            )
            self._database.executemany(
                f"UPDATE jobs SET state = '{State.RETRY}', reason = 'to be made again' "
                f"WHERE target = ?",
                keys,
            )

    def done(
        self,
        job: Job,
        output: Written,
        input_sha256: str,
        seconds: float,
        restoration: str = "",
        warnings: Sequence[str] = (),
    ) -> None:
        """Remember that a claimed job's output is in place.

        Args:
            input_sha256: of what was read; empty if that is not known.
            restoration, warnings: see `Output`.
        """
        now = time.time()
        with self._database:  # both at once: a commit takes longer than what is in it
            keep_notes(self._database, self._key(job), restoration, warnings, now)
            self._assign(
                job,
                state=State.DONE,
                output_size=output.size,
                output_mtime_ns=output.mtime_ns,
                output_sha256=output.sha256,
                input_sha256=input_sha256,
                seconds=seconds,
                updated=now,
            )

    def renew(self, job: Job, stamps: Stamps) -> None:
        """Remember new times and places of files that hold what they held."""
        self._set(
            job,
            source=_absolute(job.source),
            input_size=stamps.input.size,
            input_mtime_ns=stamps.input.mtime_ns,
            output_size=stamps.output.size,
            output_mtime_ns=stamps.output.mtime_ns,
        )

    def failed(self, job: Job, reason: str, seconds: float) -> None:
        """Remember why a claimed job cannot be done."""
        self._update(job, state=State.FAILED, reason=reason, seconds=seconds)

    def release(self, job: Job, reason: str) -> None:
        """Give a claimed job back undone."""
        self._update(job, state=State.RETRY, reason=reason)

    def make_again(self, job: Job) -> None:
        """Remember that a job is wanted once more, so that a run which is stopped goes on there."""
        self._set(job, state=State.RETRY, reason="to be made again")

    def record_run(self, run: RunRecord) -> None:
        """Remember how a run went as a whole."""
        with self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                astuple(run),
            )

    def last_run(self, model_sha256: str = "") -> RunRecord | None:
        """Return the last run that did something, of those with a certain model if given."""
        row = self._database.execute(
            "SELECT * FROM runs WHERE done > 0 AND ? IN ('', model_sha256) "
            "ORDER BY began DESC LIMIT 1",
            (model_sha256,),
        ).fetchone()
        return RunRecord(*row) if row else None

    def totals(self) -> dict[State, Total]:
        """Return what there is in each state."""
        rows = self._database.execute(
            "SELECT state, COUNT(*), TOTAL(output_size), TOTAL(seconds) FROM jobs GROUP BY state"
        )
        return {State(state): Total(count, int(size), busy) for state, count, size, busy in rows}

    def outputs(self) -> Iterator[Output]:
        """Yield what is known of each output, by its path."""
        return outputs(self._database)

    def _update(self, job: Job, **values: str | bytes | float | None) -> None:
        self._set(job, **values, updated=time.time())

    def _set(self, job: Job, **values: str | bytes | float | None) -> None:
        with self._database:
            self._assign(job, **values)

    def _assign(self, job: Job, **values: str | bytes | float | None) -> None:
        assignments = ", ".join(f"{column} = ?" for column in values)
        self._database.execute(
            f"UPDATE jobs SET {assignments} WHERE target = ?", (*values.values(), self._key(job))
        )

    def _key(self, job: Job) -> bytes:
        target = os.fsencode(job.target.as_posix())
        if self._root is None or target.startswith(self._below):
            return target.removeprefix(self._below)
        return os.fsencode(job.target.relative_to(self._root).as_posix())


def _absolute(path: Path) -> bytes:
    return os.fsencode(path.absolute().as_posix())


def _entry(row: tuple[Any, ...]) -> JournalEntry:
    source, size, mtime, digest, settings, made_size, made_mtime, made_digest, *stands = row
    state, reason, updated = stands
    return JournalEntry(
        source=Path(os.fsdecode(source)),
        input=None if size is None else FileStamp(size, mtime),
        input_sha256=digest or "",
        settings=settings,
        output=None if made_size is None else FileStamp(made_size, made_mtime),
        output_sha256=made_digest or "",
        state=State(state),
        reason=reason or "",
        updated=updated,
    )


@contextmanager
def open_journal(
    root: Path | None,
    shard: Shard | None = None,
    holder: int = 0,
    note: Callable[[str], None] = lambda line: None,
) -> Iterator[Journal]:
    """Create the output folder if need be, lock it and open its journal.

    Without a folder the journal is empty and forgets.

    Args:
        holder: the process to end for who wants the folder, if it is not this one.
        note: told a line worth knowing.

    Raises:
        OutputError: it cannot be created or written, another run holds it, or its journal is
            damaged or of another format.
    """
    if root is None:
        with closing(db.scratch()) as database:
            yield Journal(database, None)
        return
    folder = root / STATE_FOLDER
    with hold(folder, shard, holder or os.getpid()) as locked, _explained(folder):
        if not locked:
            note(f"the file system of {root} has no file locks; a file in {folder} stands for them")
        database = db.connect(folder, shard, locked=locked)
        try:
            yield Journal(database, root)
        finally:
            db.close(database)


@contextmanager
def read_journal(root: Path | None) -> Iterator[Journal]:
    """Give what the journals of an output folder know, without changing or locking anything.

    Raises:
        OutputError: a journal is damaged or of another format.
    """
    with closing(db.scratch()) as database:
        if root is not None:
            folder = root / STATE_FOLDER
            with _explained(folder):
                db.merge(database, db.journals(folder))
        yield Journal(database, root)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(f"the journal in {folder} cannot be used: {error}") from None
