"""How much of a run is done and how long the rest takes, by pixels instead of files."""

import threading
import time
from collections import deque
from collections.abc import Iterable

from upscaler.batch.plan.jobs import Job
from upscaler.batch.run.cost import Cost
from upscaler.batch.run.running_job import RunningJob
from upscaler.images import MAX_PIXELS, picture_size

_MARK_AFTER, _FORGOTTEN = 0.01, 1 / 3
"""Of all work, after how much the time is noted; of what is done, how much is too old."""


class Workload:
    """The work that a run has to do, and how far it is; for several threads.

    Work is counted in input pixels; a file counts as some more, see `Cost`. Of those whose size is
    not known yet, the mean is assumed.

    Args:
        jobs: what there is to do.
        max_pixels: of an input; larger ones fail.
    """

    def __init__(self, jobs: Iterable[Job], max_pixels: int = MAX_PIXELS) -> None:
        self._jobs, self._max_pixels = list(jobs), max_pixels
        self.files = len(self._jobs)
        """How many there are."""
        self._known: dict[str, int] = {}
        self._pixels = self._ended = self._ended_pixels = 0
        self._cost = Cost()
        self._running: dict[str, RunningJob] = {}
        self._lock = threading.Lock()
        self.start_timing()

    def start_timing(self) -> None:
        """Measure the speed anew."""
        self._marks: deque[tuple[float, int, float]] = deque()  # when, files ended, pixels

    def look_ahead(self) -> None:
        """Read the sizes of all pictures, in a thread of its own."""
        threading.Thread(target=self._read_sizes, name="sizes", daemon=True).start()

    def size(self, name: str, pixels: int) -> None:
        """Note how large a picture is: its pixels in all frames."""
        with self._lock:
            if name not in self._known:
                self._known[name] = pixels
                self._pixels += pixels

    def begin(self, running: RunningJob) -> None:
        """Note that a file is being worked on."""
        with self._lock:
            self._running[running.job.name] = running

    def end(self, running: RunningJob, *, well: bool) -> None:
        """Note that a file has ended."""
        name = running.job.name
        self.size(name, 0)  # if it could not even be opened
        with self._lock:
            self._running.pop(name, None)
            self._ended += 1
            self._ended_pixels += self._known[name]
            if well:
                self._cost.learn(self._known[name], running.clock)

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1."""
        whole = self._whole()
        return min(self._done() / whole, 1.0) if whole else 0.0

    def seconds_left(self) -> float | None:
        """Return how long the rest takes at the speed so far; None if that is not known yet.

        To be called again and again: the speed is that of the last two thirds of what was done, so
        that neither the start nor another program that ran for a while counts for long.
        """
        now, done, whole = time.monotonic(), self._done(), self._whole()
        marks = self._marks
        if done and (not marks or done - self._done_at(marks[-1]) >= _MARK_AFTER * whole):
            marks.append((now, self._ended, done - self._ended * self._cost.a_file))
        while len(marks) > 1 and self._done_at(marks[1]) <= _FORGOTTEN * done:
            marks.popleft()
        if not marks or done <= (before := self._done_at(marks[0])):
            return None
        return max(0.0, whole - done) * (now - marks[0][0]) / (done - before)

    def _done_at(self, mark: tuple[float, int, float]) -> float:
        """Return what was done then, by what files are known to cost now."""
        _, files, pixels = mark
        return pixels + files * self._cost.a_file

    @property
    def current(self) -> str:
        """The name of the file that was begun first of those in work; empty if there is none."""
        with self._lock:
            return next(iter(self._running), "")

    def _done(self) -> float:
        with self._lock:
            done = self._ended_pixels + self._ended * float(self._cost.a_file)
            for name, running in self._running.items():
                pixels = self._known.get(name, 0)
                share = self._cost.share_done(pixels, running.clock, running.tiles_done)
                done += share * (pixels + self._cost.a_file)
            return done

    def _whole(self) -> float:
        """All work there is, as far as is known."""
        with self._lock:
            known = len(self._known)
            mean = self._pixels / known if known else 0.0
            return self.files * (mean + self._cost.a_file)

    def _read_sizes(self) -> None:
        for job in self._jobs:
            if job.name not in self._known:
                try:
                    self.size(job.name, picture_size(job.source, self._max_pixels).pixels)
                except Exception:  # whoever reads its pixels will say why
                    continue
