"""What a run reports: one result per file and a summary, for people and for programs."""

import errno
import json
import os
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from upscaler.batch.not_read import NotRead
from upscaler.errors import OutputError, StartError
from upscaler.hardware.cpu import cores
from upscaler.hardware.system import peak_memory_bytes, processor
from upscaler.inference.timing import Profile
from upscaler.models.restoration import Restoration
from upscaler.version import __version__

SCHEMA = 1
"""Of the JSON Lines; grows when a field changes its meaning."""


class Status(StrEnum):
    """How a file stands after a run."""

    DONE = "done"
    SKIPPED = "skipped"
    """Done by an earlier run, and nothing changed since."""
    KEPT = "kept"
    """Somebody has changed the output since it was made; `--overwrite` makes it again."""
    LARGE_ENOUGH = "large-enough"
    """As large as asked already; `--shrink` makes it smaller."""
    FAILED = "failed"
    FAILED_BEFORE = "failed-before"
    """Failed in an earlier run, and nothing changed since; `--retry-failed` tries it again."""


@dataclass(frozen=True)
class Result:
    """What became of one file."""

    name: str
    status: Status
    target: str | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()
    pixels: int = 0
    seconds: float = 0.0
    restoration: Restoration | None = None
    """How much damage `auto` has undone, and why."""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON Lines record."""
        facts = {key: value for key, value in asdict(self).items() if value not in (None, (), 0)}
        return {"event": "file", **facts, "seconds": round(self.seconds, 4)}


@dataclass(frozen=True)
class Used:
    """A runtime that took part in a run."""

    runtime: str
    precision: str
    after: int = 0
    """How many files had ended when it took over."""


@dataclass
class Summary:
    """The counts of a run."""

    model: str = ""
    planned: int = 0
    """How many results there are at the end: the sum of the counts, unless it was interrupted."""
    ignored: int = 0
    """Files that take no part: those of `not_read`, pipes, devices and links to folders."""
    not_read: NotRead = field(default_factory=NotRead)
    left_out: int = 0
    """Images that were not chosen."""
    pixels: int = 0
    bytes: int = 0
    """Of the outputs made."""
    output: Path | None = None
    """The folder of the outputs; None for a single file."""
    seconds: float = 0.0
    runtimes: list[Used] = field(default_factory=list)
    profile: Profile | None = None
    """Where the time went; None if there was nothing to do."""
    errors: dict[str, str] = field(default_factory=dict)
    """Why files have failed, by their name."""
    restorations: dict[str, Restoration] = field(default_factory=dict)
    """What `auto` decided, by the file's name."""
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))

    def add(self, result: Result) -> None:
        """Count one result."""
        self.counts[result.status] += 1
        self.pixels += result.pixels
        if result.error:
            self.errors[result.name] = result.error
        if result.restoration is not None:
            self.restorations[result.name] = result.restoration

    @property
    def exit_code(self) -> int:
        """0 if all is done, 1 if some files failed, now or in an earlier run, 3 if none is read."""
        if nothing_readable(self.planned, self.left_out, self.not_read):
            return StartError.exit_code
        return int(bool(self.counts[Status.FAILED] or self.counts[Status.FAILED_BEFORE]))

    def as_json(self) -> dict[str, Any]:
        """Return the last JSON Lines record."""
        counts = {str(status): count for status, count in self.counts.items()}
        return {
            "event": "summary",
            "schema": SCHEMA,
            "model": self.model,
            "planned": self.planned,
            **counts,
            "ignored": self.ignored,
            **self.not_read.as_json(),
            "left_out": self.left_out,
            "runtimes": [asdict(used) for used in self.runtimes],
            "megapixels": round(self.pixels / 1e6, 3),
            "seconds": round(self.seconds, 3),
        }

    def as_report(self) -> dict[str, Any]:
        """Return what `--report` writes: the summary, where the time went, and on what machine."""
        facts: dict[str, Any] = {
            **self.as_json(),
            "version": __version__,
            "machine": f"{processor()}, {cores()} cores",
            "peak_memory_mb": round(peak_memory_bytes() / 1e6),
        }
        if self.restorations:
            facts["restorations"] = {name: asdict(r) for name, r in self.restorations.items()}
        if self.profile is None:
            return facts
        done, elapsed = self.counts[Status.DONE], self.profile.elapsed
        return {
            **facts,
            "elapsed": elapsed,
            "files_per_s": round(done / elapsed, 3),
            "mp_per_s": round(self.pixels / 1e6 / elapsed, 3),
            "stages": self.profile.seconds,
            "shares": {name: round(share, 4) for name, share in self.profile.shares.items()},
            "advice": self.profile.advice,
        }

    def __str__(self) -> str:
        done, failed = self.counts[Status.DONE], self.counts[Status.FAILED]
        skipped, before = self.counts[Status.SKIPPED], self.counts[Status.FAILED_BEFORE]
        kept, enough = self.counts[Status.KEPT], self.counts[Status.LARGE_ENOUGH]
        if not any(self.counts.values()):
            return no_images(self.planned, self.left_out, self.not_read)
        took = f" in {duration(self.seconds)}" if done else ""
        parts = [f"{done} done{took}"] if done or failed else ["nothing to do"]
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{skipped} already done"] if skipped else []
        parts += [f"{kept} kept as you changed {'it' if kept == 1 else 'them'}"] if kept else []
        parts += [large_enough(enough)] if enough else []
        parts += [f"{before} failed before (--retry-failed tries them again)"] if before else []
        parts += [f"{self.left_out} left out"] if self.left_out else []
        text = ", ".join(parts)
        if done:
            where = f" in {self.output}" if self.output else ""
            text += f"; {file_size(self.bytes)}{where}"
        return f"{text}; {self.not_read}" if self.not_read else text


def large_enough(count: int) -> str:
    """Return how many pictures were left out as they are larger than asked, or as large."""
    them = "it" if count == 1 else "them"
    return f"{count} left out as large enough (--shrink makes {them} smaller)"


def duration(seconds: float) -> str:
    """Return a time as people say it: `5.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def file_size(size: int) -> str:
    """Return a number of bytes in the largest unit that leaves a whole one: `24 MB`, `1.3 GB`."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:.{size < 10 * bytes_:d}f} {unit}"
    return f"{size} bytes"


def nothing_readable(planned: int, left_out: int, not_read: NotRead) -> bool:
    """Whether a folder holds files, and no image among them, which is no empty folder.

    Args:
        planned: how many images there are to do.
        left_out: how many were not chosen.
    """
    return not planned and not left_out and bool(not_read.by_extension)


def no_images(planned: int, left_out: int, not_read: NotRead) -> str:
    """Return why there is nothing to do; the arguments are those of `nothing_readable`."""
    if nothing_readable(planned, left_out, not_read):
        return f"no image that can be read; {not_read}"
    why = f"{left_out} left out" if left_out else "the folder is empty"
    text = f"no images to upscale ({why})"
    return f"{text}; {not_read}" if not_read else text


def expect_report(path: Path) -> None:
    """Make the folder of a report; for before the run, which would else end without one.

    Raises:
        OutputError: it could not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise OutputError(f"cannot write the report {path}: {error.strerror}") from None


def write_report(summary: Summary, path: Path) -> None:
    """Write the report of a run as JSON.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.write_text(json.dumps(summary.as_report(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write the report {path}: {error.strerror}") from None
