"""One job in progress, and how it ended."""

import threading
from dataclasses import dataclass

from upscaler.batch.plan.jobs import Job
from upscaler.batch.run.watchdog import Watch
from upscaler.errors import ImageError
from upscaler.inference.enlargement import Enlargement
from upscaler.models.restoration import Restoration


@dataclass(frozen=True)
class JobResult:
    """How one job ended."""

    job: Job
    error: str | None = None
    """Why it failed; None if the output is in place."""
    lasting: bool = True
    """Whether the failure is the picture's own, so that another try would end the same."""
    warnings: tuple[str, ...] = ()
    pixels: int = 0
    """Of the output."""
    restoration: Restoration | None = None
    """What `auto` decided."""
    seconds: float = 0.0
    """From the start of reading to the end of writing."""


class RunningJob:
    """One job in progress: counts its tiles down and keeps the first thing that went wrong."""

    watch: Watch
    """Its clock."""

    def __init__(self, job: Job) -> None:
        self.job, self.began = job, 0.0
        self._bytes, self._ended = 0, False
        self.work: Enlargement | None = None
        self.error: ImageError | None = None
        self._left, self._lock = 0, threading.Lock()

    def hold(self, amount: int) -> bool:
        """Note that it fills so many bytes of the budget; False if it has ended."""
        with self._lock:
            if not self._ended:
                self._bytes = amount
            return not self._ended

    def let_go(self) -> int:
        """Note that it has ended; returns how many bytes of the budget it filled."""
        with self._lock:
            self._ended = True
            return self._bytes

    def start(self, work: Enlargement) -> None:
        """Count the tiles of what it becomes."""
        self.work, self._left = work, len(work.tiles)

    def tile_done(self, error: ImageError | None) -> bool:
        """Note one tile; return whether it was the last."""
        with self._lock:
            self.error = self.error or error
            self._left -= 1
            return self._left == 0
