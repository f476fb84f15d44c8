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
    output TEXT,                   -- the output's stamp; NULL until it is done
    error TEXT                     -- why it cannot be done, if so
);
PRAGMA user_version = 1;
"""


@dataclass(frozen=True)
class Entry:
    """What the journal knows of one output."""

    source: Path
    input: str
    settings: str
    output: str | None
    error: str | None


class Journal:
    """The memory of one output folder; use `open_journal`. For one thread."""

    def __init__(self, database: sqlite3.Connection, root: Path | None) -> None:
        self._database, self._root = database, root

    def find(self, job: Job) -> Entry | None:
        """Return what is known of a job's output."""
        row = self._database.execute(
            "SELECT source, input, settings, output, error FROM outputs WHERE target = ?",
            (self._key(job),),
        ).fetchone()
        return None if row is None else Entry(Path(os.fsdecode(row[0])), *row[1:])

    def claim(self, jobs: dict[Job, str]) -> None:
        """Remember that these outputs are about to be written, however the run may end.

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
            self._database.executemany("REPLACE INTO outputs VALUES (?, ?, ?, ?, NULL, NULL)", rows)

    def record(self, job: Job, error: str | None) -> None:
        """Remember that a claimed job is done, or why it cannot be."""
        output = None if error else stamp(job.target)
        with self._database:
            self._database.execute(
                "UPDATE outputs SET output = ?, error = ? WHERE target = ?",
                (output, error, self._key(job)),
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
                f"the journal in {root / STATE_FOLDER} does not work: {error}; "
                f"remove that folder, or choose another output folder"
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
