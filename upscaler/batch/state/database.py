"""The files in which the journal lies: SQLite, one for a whole folder or one for each shard.

Shards may run on several machines, which cannot write into one database side by side. So each
has its own, and opens it with what the others knew; of two rows the newer one counts.
"""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from upscaler.batch.plan.listing import Shard
from upscaler.batch.state import outputs
from upscaler.batch.state.lock import file_name, is_other_shard
from upscaler.errors import OutputError
from upscaler.hardware import system

FORMAT = 1
"""Of the tables; grows when an older program could not read them."""

_STEM, _SUFFIX = "journal", ".sqlite"

_TABLES = """
CREATE TABLE jobs (
    target BLOB PRIMARY KEY,       -- the output's path below the output folder
    source BLOB NOT NULL,          -- the input's whole path
    input_size INTEGER,            -- the input's stamp, taken before it was read
    input_mtime_ns INTEGER,
    input_sha256 TEXT,
    model TEXT NOT NULL,           -- sha256 of the model file
    settings TEXT NOT NULL,        -- all that decides the output, the model included, as JSON
    output_size INTEGER,           -- of the last output made here, NULL if there is none
    output_mtime_ns INTEGER,
    output_sha256 TEXT,
    state TEXT NOT NULL,           -- begun, done, failed or retry
    reason TEXT,                   -- why it is not done
    seconds REAL,                  -- from the start of reading to the end of writing
    updated REAL NOT NULL          -- seconds since 1970
) WITHOUT ROWID;
CREATE TABLE runs (
    began REAL PRIMARY KEY,        -- seconds since 1970
    model TEXT NOT NULL,           -- its title
    model_sha256 TEXT NOT NULL,
    runtime TEXT NOT NULL,         -- the last one, with its precision
    done INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    pixels INTEGER NOT NULL,       -- of the outputs
    seconds REAL NOT NULL          -- from the first file to the last
);
"""

_MERGE = """
INSERT INTO main.jobs SELECT * FROM other.jobs WHERE true
ON CONFLICT (target) DO UPDATE SET
    source = excluded.source, input_size = excluded.input_size,
    input_mtime_ns = excluded.input_mtime_ns, input_sha256 = excluded.input_sha256,
    model = excluded.model, settings = excluded.settings, output_size = excluded.output_size,
    output_mtime_ns = excluded.output_mtime_ns, output_sha256 = excluded.output_sha256,
    state = excluded.state, reason = excluded.reason, seconds = excluded.seconds,
    updated = excluded.updated
WHERE excluded.updated > main.jobs.updated;
"""

_HAS_NOTES = "SELECT 1 FROM other.sqlite_master WHERE name = 'notes'"


def journals(folder: Path) -> list[Path]:
    """Return the journals in a state folder."""
    return sorted(folder.glob(f"{_STEM}*{_SUFFIX}"))


def scratch() -> sqlite3.Connection:
    """Return an empty journal in memory."""
    database = sqlite3.connect(":memory:", uri=True)
    _create(database)
    database.execute(outputs.TABLE)
    return database


def connect(folder: Path, shard: Shard | None, *, locked: bool = True) -> sqlite3.Connection:
    """Open or create the journal of a run that holds the folder, and add what the others know.

    Args:
        locked: whether the folder's file system has locks.

    Raises:
        OutputError: a journal is damaged or of another format.
        sqlite3.Error: it cannot be read or written.
    """
    path = folder / file_name(_STEM, shard, _SUFFIX)
    # readers claim what they begin
    address = _address(path, locked=locked)
    database = sqlite3.connect(address, uri=True)
    try:
        if _is_empty(database, "main", path):
            _create(database)
        # a power cut may forget the last changes, never damage the journal
        if locked:  # by which the readers of a WAL share memory
            database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(outputs.TABLE)
        # other shards hold none of our jobs, and may be at work
        others = [
            other
            for other in journals(folder)
            if other != path and not is_other_shard(other, shard, _SUFFIX)
        ]
        merge(database, others)
    except BaseException:
        database.close()
        raise
    return database


def close(database: sqlite3.Connection) -> None:
    """Close a run's journal as one file, which can be read where nothing can be written."""
    with closing(database), suppress(sqlite3.OperationalError):  # somebody is reading it
        database.execute("PRAGMA journal_mode = DELETE")


def merge(database: sqlite3.Connection, paths: Iterable[Path]) -> None:
    """Add what is newer in other journals.

    Raises:
        OutputError: one is damaged or of another format.
    """
    for path in paths:
        address = _address(path, mode="ro", locked=_has_locks(path))
        database.execute("ATTACH ? AS other", (address,))
        try:
            if not _is_empty(database, "other", path):
                with database:
                    database.execute(_MERGE)
                    database.execute("INSERT OR IGNORE INTO main.runs SELECT * FROM other.runs")
                    if database.execute(_HAS_NOTES).fetchone():
                        database.execute(outputs.MERGE)
        finally:
            database.execute("DETACH other")


def _has_locks(path: Path) -> bool:
    """Whether the file system of a file has locks."""
    with system.open_to_read(path) as file:
        try:
            return system.lock(file, shared=True, wait=False)
        except BlockingIOError:
            return True


def _address(path: Path, mode: str = "rwc", *, locked: bool) -> str:
    how = f"mode={mode}" if locked else f"mode={mode}&vfs={system.SQLITE_WITHOUT_LOCKS}"
    # not `as_uri`, by which a folder of the network would lie on a host, and SQLite knows none
    name = quote(os.fsencode(path.absolute().as_posix()), safe="/:")
    return f"file://{'' if name.startswith('/') else '/'}{name}?{how}"


def _create(database: sqlite3.Connection) -> None:
    database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")


def _is_empty(database: sqlite3.Connection, schema: str, path: Path) -> bool:
    """Whether a journal has just been created; refuse one that is damaged or of another format."""
    again = f"remove {path.parent} and run with --overwrite, or choose another output folder"
    try:
        (found,) = database.execute(f"PRAGMA {schema}.quick_check(1)").fetchone()
        (version,) = database.execute(f"PRAGMA {schema}.user_version").fetchone()
        (tables,) = database.execute(f"SELECT COUNT(*) FROM {schema}.sqlite_master").fetchone()
    except sqlite3.OperationalError:
        raise  # the disk or a permission, not the file
    except sqlite3.DatabaseError as error:
        found, version, tables = str(error), FORMAT, 0
    if found != "ok":
        raise OutputError(f"the journal {path} is damaged ({found}); {again}")
    if version > FORMAT:
        raise OutputError(
            f"the journal {path} is of format {version}, and this version of upscaler knows up to "
            f"{FORMAT}; update it, or choose another output folder"
        )
    if version < FORMAT and tables:
        raise OutputError(f"the journal {path} is of the older format {version}; {again}")
    return not tables
