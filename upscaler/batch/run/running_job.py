"""One job in progress, and how it ended."""

import threading
from dataclasses import dataclass

from upscaler.batch.plan.jobs import Job
from upscaler.batch.report import Result, Status
from upscaler.batch.run.clock import Clock
from upscaler.batch.state.file_stamp import FileStamp
from upscaler.errors import ImageError, PassingError
from upscaler.images import Surroundings, Written
from upscaler.inference.enlargers import Work
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
    """In which it was worked on, waiting not counted."""
    input_sha256: str = ""
    """Of what was read; empty if it changed meanwhile, or there is no output."""
    output: Written | None = None
    """What the output is; None if there is none."""

    def as_result(self) -> Result:
        """Return what is reported of it."""
        failed = self.error is not None
        return Result(
            name=self.job.name,
            status=Status.FAILED if failed else Status.DONE,
            target=None if failed else str(self.job.target),
            error=self.error,
            warnings=self.warnings,
            pixels=self.pixels,
            seconds=self.seconds,
            restoration=self.restoration,
        )


class RunningJob:
    """One job in progress: counts its tiles down and keeps the first thing that went wrong."""

    stamp: FileStamp | None = None
    """Of the input, before it was read."""
    input_sha256 = ""
    """Of what was read of it."""

    def __init__(self, job: Job, clock: Clock) -> None:
        self.job, self.clock = job, clock
        self.bytes = 0
        """What it fills of the budget."""
        self.work: Work | None = None
        self.error: ImageError | None = None
        self.output = Surroundings()
        self._tiles = self._left = 0
        self._lock = threading.Lock()

    def start(self, tiles: int) -> None:
        """Count the tiles that it is divided into."""
        self._tiles = self._left = tiles

    @property
    def tiles_done(self) -> float:
        """Which part of its tiles is done, from 0 to 1; 0 as long as there are none."""
        return 1 - self._left / self._tiles if self._tiles else 0.0

    def tile_done(self, error: ImageError | None) -> bool:
        """Note one tile; return whether it was the last."""
        with self._lock:
            self.error = self.error or error
            self._left -= 1
            return self._left == 0


def as_image_error(error: Exception) -> ImageError:
    """Return why a file failed: whatever goes wrong, a defect of ours included, stops no others."""
    if isinstance(error, ImageError):
        return error
    if isinstance(error, MemoryError):
        return PassingError("does not fit into memory")
    return PassingError(f"unexpected {type(error).__name__}: {error}")
