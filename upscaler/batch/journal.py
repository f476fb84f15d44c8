"""What an output folder remembers: which outputs are done, from what, with which settings.

A small SQLite database in `OUT/.upscaler/`, with a lock beside it, so that two runs never
write into one folder. Paths below OUT are kept relative, so that the folder may be moved; all
paths are kept as bytes, since file names need not be text.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from upscaler.batch.plan import STATE_FOLDER, Job
from upscaler.errors import OutputError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outputs (
    target BLOB PRIMARY KEY,       -- the output's path below the output folder
    source BLOB NOT NULL,          -- the input's whole path
    input TEXT NOT NULL,           -- the input's stamp: size and modification time
    settings TEXT NOT NULL,        -- sha256 of the model and of what else decides the output
    output TEXT,                   -- the stamp of the last output made here, NULL if there is none
    claimed INTEGER NOT NULL,      -- 1 while a run works on it, also if that run was killed
    error TEXT                     -- why it cannot be done, if so
);
"""

_NEITHER = ""
"""As settings: nobody's, so that whatever is asked for has to be done."""


@dataclass(frozen=True)
class Entry:
    """What the journal knows of one output."""

    source: Path
    input: str
    settings: str
    output: str | None
    claimed: bool
    error: str | None

    def is_of(self, source: Path) -> bool:
        """Whether this input made it, however its path is written; or the one that did is gone."""
        try:
            return self.source.samefile(source)
        except OSError:
            return True


class Journal:
    """The memory of one output folder; use `open_journal`. For one thread.

    An output is claimed before the work on it; then it is recorded as done or as impossible,
    or released where the work may yet succeed. What stays claimed was killed.
    """

    def __init__(self, database: sqlite3.Connection, root: Path | None) -> None:
        self._database, self._root = database, root

    def find(self, job: Job) -> Entry | None:
        """Return what is known of a job's output."""
        row = self._database.execute(
            "SELECT source, input, settings, output, claimed, error FROM outputs WHERE target = ?",
            (self._key(job),),
        ).fetchone()
        if row is None:
            return None
        source, made_from, settings, output, claimed, error = row
        return Entry(Path(os.fsdecode(source)), made_from, settings, output, bool(claimed), error)

    def claim(self, jobs: dict[Job, str]) -> None:
        """Remember that these outputs are about to be written.

        The inputs are stamped now, before they are read: one that changes meanwhile is done
        again by the next run.

        Args:
            jobs: each with the sha256 of its settings.
        """
        rows = [
            (self._key(job), os.fsencode(job.source.absolute()), stamp(job.source), settings)
            for job, settings in jobs.items()
        ]
        with self._database:
            self._database.executemany(
                "INSERT INTO outputs VALUES (?, ?, ?, ?, NULL, 1, NULL) "
                "ON CONFLICT (target) DO UPDATE SET source = excluded.source, "
                "input = excluded.input, settings = excluded.settings, claimed = 1, error = NULL",
                rows,
            )

    def done(self, job: Job) -> None:
        """Remember that a claimed job's output is in place."""
        self._update("output = ?, claimed = 0", stamp(job.target), job)

    def failed(self, job: Job, error: str) -> None:
        """Remember why a claimed job cannot be done."""
        self._update("error = ?, claimed = 0", error, job)

    def release(self, job: Job) -> None:
        """Give a claimed job back undone."""
        self._update("settings = ?, claimed = 0", _NEITHER, job)

    def _update(self, what: str, value: str, job: Job) -> None:
        with self._database:
            self._database.execute(
                f"UPDATE outputs SET {what} WHERE target = ?",
                (value, self._key(job)),
            )

    def _key(self, job: Job) -> bytes:
        return os.fsencode(job.target.relative_to(self._root) if self._root else job.target)


def stamp(path: Path) -> str:
    """Return a file's size and modification time as text; empty if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size}:{found.st_mtime_ns}"


@contextmanager
def open_journal(root: Path | None) -> Iterator[Journal]:
    """Create the output folder if need be, lock it and open its journal.

    Without a folder the journal is empty and forgets.

    Raises:
        OutputError: it cannot be created or written, or another run holds it.
    """
    if root is None:
        with closing(sqlite3.connect(":memory:")) as database:
            database.executescript(_SCHEMA)
            yield Journal(database, None)
        return
    with _lock(root):
        try:
            with closing(sqlite3.connect(root / STATE_FOLDER / "journal.sqlite")) as database:
                # a power cut may forget the last files, never damage the journal
                database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
                database.executescript(_SCHEMA)
                yield Journal(database, root)
        except sqlite3.Error as error:
            raise OutputError(
                f"the journal in {root / STATE_FOLDER} cannot be used: {error}"
            ) from None


@contextmanager
def _lock(root: Path) -> Iterator[None]:
    """Hold the output folder for this process."""
    with _lock_file(root) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock.fileno(), 32, 0).decode(errors="replace") or "unknown"
            raise OutputError(
                f"another run (process {holder}) is writing into {root}; wait for it or end it"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _lock_file(root: Path) -> TextIO:
    try:
        (root / STATE_FOLDER).mkdir(parents=True, exist_ok=True)
        return (root / STATE_FOLDER / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot write into the output folder {root}: {error.strerror}; choose another folder"
        ) from None
