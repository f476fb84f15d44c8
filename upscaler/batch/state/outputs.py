"""What a journal says of each output, for people: `upscaler status` and `upscaler compare`."""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TABLE = """
CREATE TABLE IF NOT EXISTS notes (
    target BLOB PRIMARY KEY,       -- as in jobs
    restoration TEXT,              -- what `auto` decided, in words
    warnings TEXT NOT NULL,        -- a JSON list
    updated REAL NOT NULL          -- seconds since 1970
) WITHOUT ROWID
"""
"""Of journals from 0.3 on; programs before it pass over it."""

MERGE = """
INSERT INTO main.notes SELECT * FROM other.notes WHERE true
ON CONFLICT (target) DO UPDATE SET restoration = excluded.restoration,
    warnings = excluded.warnings, updated = excluded.updated
WHERE excluded.updated > main.notes.updated
"""

_ALL = """
SELECT jobs.target, source, state, reason, settings, seconds, restoration, warnings
FROM jobs LEFT JOIN notes ON notes.target = jobs.target ORDER BY jobs.target
"""


@dataclass(frozen=True)
class Output:
    """What is known of an output."""

    target: str
    """Its path below the output folder, with forward slashes."""
    source: Path
    """The whole path of its input, as it was then."""
    state: str
    """As `entries.State` has them."""
    reason: str
    """Why it is not done; empty if it is."""
    model: str
    """What people call the model; empty if an earlier version wrote the journal."""
    seconds: float
    """In which something worked on it, waiting not counted."""
    restoration: str
    """What `auto` decided, and why; empty if it was not asked."""
    warnings: tuple[str, ...]


def keep_notes(
    database: sqlite3.Connection,
    target: bytes,
    restoration: str,
    warnings: Sequence[str],
    when: float,
) -> None:
    """Remember what a run said of an output, beside that it is done."""
    if restoration or warnings:
        row = (target, restoration, json.dumps(warnings), when)
        database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)", row)
    else:
        database.execute("DELETE FROM notes WHERE target = ?", (target,))


def outputs(database: sqlite3.Connection) -> Iterator[Output]:
    """Yield what is known of each output, by its path; what leads out of the folder is left out."""
    for target, source, state, reason, settings, seconds, restored, warnings in database.execute(
        _ALL
    ):
        if not _stays_inside(path := os.fsdecode(target)):  # somebody wrote the journal by hand
            continue
        facts = json.loads(settings) if settings.startswith("{") else {}
        yield Output(
            path,
            Path(os.fsdecode(source)),
            state,
            reason or "",
            str(facts.get("title", "")),
            seconds or 0.0,
            restored or "",
            tuple(json.loads(warnings or "[]")),
        )


def _stays_inside(target: str) -> bool:
    path = Path(target)
    return not path.anchor and ".." not in path.parts
