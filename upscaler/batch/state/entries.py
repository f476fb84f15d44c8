"""What a journal tells: of one output, of all of them, and of the last run."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from upscaler.batch.state.file_stamp import FileStamp, file_stamp


class State(StrEnum):
    """How far a job came."""

    BEGUN = "begun"
    """A run works on it, or was killed."""
    DONE = "done"
    FAILED = "failed"
    """By its own fault: tried again when it changes, or with `--retry-failed`."""
    RETRY = "retry"
    """Failed because the machine was in the way: the next run tries it again."""


@dataclass(frozen=True)
class JournalEntry:
    """What the journal knows of one output."""

    source: Path
    input: FileStamp | None
    input_sha256: str
    settings: str
    """As `SettingsKey` has them."""
    output: FileStamp | None
    """None if none was made here."""
    output_sha256: str
    state: State
    reason: str
    updated: float
    """When that became so, in seconds since 1970."""

    def is_of(self, source: Path) -> bool:
        """Whether this input made it, however its path is written, or moved or renamed since."""
        try:
            return self.source == source or self.source.samefile(source)
        except OSError:  # the one that made it is not there any more
            return self.source.name == source.name or self.input == file_stamp(source)


@dataclass(frozen=True)
class Total:
    """Of all outputs in one state."""

    files: int
    bytes: int
    """Of the outputs made here."""
    seconds: float
    """In which each file was worked on, added up."""


@dataclass(frozen=True)
class RunRecord:
    """How a run went as a whole."""

    began: float
    """Seconds since 1970."""
    model: str
    """The title."""
    model_sha256: str
    runtime: str
    """The last one, with its precision."""
    done: int
    failed: int
    pixels: int
    """Of the outputs."""
    seconds: float
    """From the first file to the last."""

    def as_json(self) -> dict[str, Any]:
        """Return what `upscaler status --json` says of it."""
        return asdict(self)
