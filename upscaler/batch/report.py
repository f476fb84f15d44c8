"""What a run tells: one result per file and a summary, for people and for programs."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

SCHEMA = 1
"""Of the JSON Lines; grows when a field changes its meaning."""


class Status(StrEnum):
    """How a file stands after a run."""

    DONE = "done"
    SKIPPED = "skipped"
    """Done by an earlier run, and nothing changed since."""
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

    ignored: int = 0
    """Files that are no images by their name."""
    pixels: int = 0
    seconds: float = 0.0
    runtimes: list[Used] = field(default_factory=list)
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))

    def add(self, result: Result) -> None:
        """Count one result."""
        self.counts[result.status] += 1
        self.pixels += result.pixels

    @property
    def exit_code(self) -> int:
        """0 if all is done, 1 if some files failed, now or in an earlier run."""
        return int(bool(self.counts[Status.FAILED] or self.counts[Status.FAILED_BEFORE]))

    def as_json(self) -> dict[str, Any]:
        """Return the last JSON Lines record."""
        counts = {str(status): count for status, count in self.counts.items()}
        return {
            "event": "summary",
            "schema": SCHEMA,
            **counts,
            "ignored": self.ignored,
            "runtimes": [asdict(used) for used in self.runtimes],
            "megapixels": round(self.pixels / 1e6, 3),
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        done, failed = self.counts[Status.DONE], self.counts[Status.FAILED]
        skipped, before = self.counts[Status.SKIPPED], self.counts[Status.FAILED_BEFORE]
        if not any(self.counts.values()):
            return f"no images to upscale ({_files(self.ignored)} ignored)"
        parts = [f"{done} done"] if done or failed else ["nothing to do"]
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{skipped} already done"] if skipped else []
        parts += [f"{before} failed before (--retry-failed tries them again)"] if before else []
        parts += [f"{_files(self.ignored)} ignored"] if self.ignored else []
        text = ", ".join(parts)
        if done:
            rate = self.pixels / 1e6 / self.seconds
            text += f"; {self.seconds:.1f} s, {done / self.seconds:.1f} files/s, {rate:.1f} MP/s"
        return text


def _files(number: int) -> str:
    return "1 other file" if number == 1 else f"{number} other files"
