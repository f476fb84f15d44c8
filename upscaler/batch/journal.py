"""What an output folder remembers: which files are done, from what, with which settings.

A small SQLite database in `OUT/.upscaler/`, with a lock beside it, so that two runs never
write into one folder.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from upscaler.batch.plan import STATE_FOLDER, Job
from upscaler.errors import OutputError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    name TEXT PRIMARY KEY,         -- the input's path below the input folder
    source TEXT NOT NULL,          -- its stamp: size and modification time
    settings TEXT NOT NULL,        -- sha256 of the model and of what else decides the output
    target TEXT NOT NULL,          -- the output's path
    target_stamp TEXT,             -- its stamp; NULL until the file is done
    error TEXT                     -- why it failed, if it did
);
PRAGMA user_version = 1;
"""


@dataclass(frozen=True)
class Entry:
    """What the journal knows of one input."""

    source: str
    settings: str
    target: str
    target_stamp: str | None
    error: str | None


class Journal:
    """The memory of one output folder; use `open_journal`. For one thread."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def find(self, job: Job, settings: str) -> Entry | None:
        """Return what is known of a job, unless its input, settings or output changed since."""
        row = self._database.execute(
            "SELECT source, settings, target, target_stamp, error FROM files WHERE name = ?",
            (job.name,),
        ).fetchone()
        if row is None:
            return None
        entry = Entry(*row)
        same_input = entry.source == stamp(job.source) and entry.settings == settings
        same_output = entry.error is not None or entry.target_stamp == stamp(job.target)
        return entry if same_input and entry.target == str(job.target) and same_output else None

    def owns(self, job: Job) -> bool:
        """Whether a run has claimed this job's output: a file there is ours, not somebody's."""
        row = self._database.execute(
            "SELECT 1 FROM files WHERE target = ?", (str(job.target),)
        ).fetchone()
        return row is not None

    def claim(self, jobs: list[Job], settings: str) -> None:
        """Remember that these outputs are about to be written, however the run may end.

        The inputs are stamped now, before they are read: one that changes meanwhile is done
        again by the next run.
        """
        rows = [
            (job.name, stamp(job.source), settings, str(job.target), None, None) for job in jobs
        ]
        with self._database:
            self._database.executemany("REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)

    def record(self, job: Job, error: str | None) -> None:
        """Remember that a claimed job is done, or why it failed."""
        target = None if error else stamp(job.target)
        with self._database:
            self._database.execute(
                "UPDATE files SET target_stamp = ?, error = ? WHERE name = ?",
                (target, error, job.name),
            )


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
            yield Journal(database)
        return
    folder = root / STATE_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("a+", encoding="utf-8") as lock:
            _take(lock.fileno(), root)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            with closing(sqlite3.connect(folder / "journal.sqlite")) as database:
                # a power cut may forget the last files, never damage the journal
                database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
                database.executescript(_SCHEMA)
                yield Journal(database)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"cannot write into the output folder {root}: {reason}; choose another folder"
        ) from None


def _take(lock: int, root: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode(errors="replace") or "unknown"
        raise OutputError(
            f"another run (process {holder}) is writing into {root}; wait for it or end it"
        ) from None
