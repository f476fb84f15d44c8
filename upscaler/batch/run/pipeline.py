"""Reading, inference and writing, side by side.

    plan ─▶ read (threads) ─▶ tiles (threads) ─▶ write (threads) ─▶ results

The codecs and the runtimes release Python's global lock where it matters, so threads are
enough. Tiles of several pictures share the streams: a large picture uses all cores, and so
do many small ones. A budget in bytes, not in pictures, bounds what is in memory.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

from upscaler.batch.plan.jobs import Job, refuse_too_long
from upscaler.batch.run.memory import Budget, bytes_needed, goes_in_strips
from upscaler.batch.run.running_job import JobResult, RunningJob
from upscaler.batch.run.watchdog import Watchdog
from upscaler.batch.run.workers import Workers
from upscaler.errors import ImageError, PassingError
from upscaler.images import (
    MAX_PIXELS,
    Encoding,
    Picture,
    Rows,
    fit,
    open_picture,
    open_rows,
    picture_size,
    save_picture,
    save_strips,
    upright_size,
)
from upscaler.inference.look import look_at_rows
from upscaler.inference.timing import Stopwatch
from upscaler.models.restoration import Restoration
from upscaler.quality.damage import Damage
from upscaler.upscaler import Upscaler

_WAITING = 4
"""Jobs handed to the readers ahead of time, per stream."""

_GRACE = 3.0
"""Seconds that an interrupted run gives to what has begun."""

_LOOK = 0.2
"""Seconds between two looks of one who waits for a tile at whether the file has failed."""


class Pipeline:
    """Runs jobs through an open Upscaler; a context manager that owns the threads.

    Args:
        memory: bytes of pictures at one time.
        encoding: how outputs are written.
        max_pixels: of an input, all frames together; larger ones fail.
        timeout: seconds of work after which a file fails; None for no limit.
        log: called from another thread with a line worth knowing.
    """

    def __init__(
        self,
        upscaler: Upscaler,
        *,
        memory: int,
        encoding: Encoding,
        max_pixels: int = MAX_PIXELS,
        timeout: float | None = None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._upscaler, self._encoding, self._max_pixels = upscaler, encoding, max_pixels
        self.watch = Stopwatch()
        self._budget = Budget(memory)
        self._done: queue.SimpleQueue[JobResult] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._growing = threading.Lock()
        self._threads, streams = upscaler.threads, self._streams
        # one reader keeps two streams fed; encoders cost as much as small networks
        self._readers = Workers(max(1, streams // 2), "read")
        self._tiles = [Workers(self._threads, "infer")]
        self._writers = Workers(streams, "write")
        self.watchdog = Watchdog(timeout, streams, log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what has begun; after an error or an interrupt not long, and begin no more."""
        until = None
        if kind is not None:
            self._stopped.set()
            self._budget.lift()
            until = time.monotonic() + _GRACE
        for pool in (self._readers, *self._tiles, self._writers):
            pool.shutdown(cancel=kind is not None, until=until)
        self.watchdog.close()

    def run(self, jobs: Iterable[Job]) -> Iterator[JobResult]:
        """Yield the result of each job as it ends; one bad file never stops the others."""
        waiting = iter(jobs)
        unfinished = 0
        while True:
            for job in islice(waiting, max(0, self._ahead - unfinished)):
                self._readers.submit(self._guard, self._read, self._begin(job))
                unfinished += 1
            if not unfinished:
                return
            yield self._done.get()
            unfinished -= 1

    def _begin(self, job: Job) -> RunningJob:
        running = RunningJob(job)
        running.watch = self.watchdog.watch(job.name, self.watch, partial(self.fail, running))
        return running

    def leftovers(self) -> Iterator[JobResult]:
        """Yield what ended after the caller stopped listening; for after the exit."""
        while not self._done.empty():
            yield self._done.get()

    def _guard(self, stage: Callable[[RunningJob], None], running: RunningJob) -> None:
        """Run one stage; whatever it raises ends this job, not the run."""
        if self._stopped.is_set():
            return
        try:
            stage(running)
        except Exception as error:
            self.fail(running, _as_image_error(error))

    def _read(self, running: RunningJob) -> None:
        job, scale = running.job, self._upscaler.model.spec.scale
        resampled = not self._upscaler.size.is_scale(scale)
        with running.watch.busy():  # what is turned has the same multiple, but not the same width
            size = (upright_size if resampled else picture_size)(job.source, self._max_pixels)
        refuse_too_long(job, self._upscaler.size.of(size.width, size.height))
        if goes_in_strips(size, scale, job.format, resampled=resampled):
            with ExitStack() as stack:
                with running.watch.busy():
                    rows = stack.enter_context(open_rows(job.source, self._max_pixels))
                if rows is not None:
                    self._take(running, bytes_needed(size, scale, strips=True))
                    self._go_in_strips(running, rows, self._looked_through(running))
                    return
        largest = self._upscaler.model.largest_scale
        resampled = not self._upscaler.size.is_scale(largest)
        self._take(running, bytes_needed(size, largest, resampled=resampled))
        if not self._stopped.is_set():
            self._go_whole(running)

    def _take(self, running: RunningJob, wanted: int) -> None:
        self._budget.take(wanted)
        running.began = time.monotonic()
        if not running.hold(wanted):  # it has failed meanwhile
            self._budget.give(wanted)
            running.watch.refuse_if_ended()

    def _go_whole(self, running: RunningJob) -> None:
        with running.watch.stage("read"):
            picture = self._fit(running.job, open_picture(running.job.source, self._max_pixels))
        with running.watch.busy():
            work = self._upscaler.begin(picture, running.watch)
        running.start(work)
        if not work.tiles:
            self._writers.submit(self._guard, self._write, running)
        for tile in work.tiles:
            self._current_tiles().submit(self._infer, running, tile)

    def _looked_through(self, running: RunningJob) -> Damage:
        """Read a large picture once for what it has been through, if that decides anything."""
        if not self._upscaler.looks:
            return Damage()
        with running.watch.stage("look"), ExitStack() as stack:
            rows = stack.enter_context(open_rows(running.job.source, self._max_pixels))
            return look_at_rows(rows) if rows else Damage()

    def _go_in_strips(self, running: RunningJob, rows: Rows, damage: Damage) -> None:
        """Take a picture all the way: reading and writing its strips takes turns."""
        job, watch = running.job, running.watch
        try:
            with watch.busy():
                work = self._upscaler.begin_strips(rows, partial(self._fit, job), watch, damage)
                strips = work.run(partial(self._compute, running))
                lost = save_strips(
                    work.frame, strips, job.target, job.format, self._encoding, watch.draft
                )
        except Exception as error:  # or it would pass for damage of the file that is open
            raise _as_image_error(error) from None
        self._succeed(running, work.frame, (*work.warnings, *lost), work.restoration)

    def _compute(self, running: RunningJob, tile: Callable[[], None]) -> Callable[[], None]:
        """Have a tile of a strip computed; returns what waits for it."""
        done: Future[None] = Future()
        self._current_tiles().submit(_fulfil, done, tile)
        return partial(self._wait_for, done, running)

    def _wait_for(self, tile: "Future[None]", running: RunningJob) -> None:
        with running.watch.idle():  # the tile lets the clock run when its turn has come
            while not wait([tile], _LOOK).done:
                running.watch.refuse_if_ended()
                if self._stopped.is_set():
                    raise PassingError("was interrupted")
        tile.result()

    def _fit(self, job: Job, picture: Picture) -> Picture:
        """Return what the output's format can hold of a picture."""
        if self._encoding.strip:
            picture = picture.without_metadata()
        return fit(picture, job.format)

    @property
    def _streams(self) -> int:
        return max(self._upscaler.streams, self._upscaler.choice.runtime.streams)

    @property
    def _ahead(self) -> int:
        """How many jobs are on their way: of small pictures, enough for all threads as well."""
        return max(_WAITING * self._streams, 2 * self._upscaler.threads)

    def _current_tiles(self) -> Workers:
        """Return threads for as many tiles as the runtime takes, to which the run may move."""
        with self._growing:
            if self._upscaler.threads > self._threads:  # the former pool ends what it has begun
                self._threads = self._upscaler.threads
                self._tiles.append(Workers(self._threads, "infer"))
            return self._tiles[-1]

    def _infer(self, running: RunningJob, tile: Callable[[], None]) -> None:
        error: ImageError | None = None
        if running.error is None and not self._stopped.is_set():
            try:
                tile()
            except Exception as problem:
                error = _as_image_error(problem)
        if running.tile_done(error):
            self._writers.submit(self._guard, self._write, running)

    def _write(self, running: RunningJob) -> None:
        if running.error:
            raise running.error
        work, job = running.work, running.job
        with running.watch.stage("write"):
            assert work is not None
            picture = work.finish()
            draft = running.watch.draft
            lost = save_picture(picture, job.target, job.format, self._encoding, draft)
        self._succeed(running, picture, (*picture.warnings, *lost), work.restoration)

    def _succeed(
        self,
        running: RunningJob,
        picture: Picture,
        warnings: tuple[str, ...],
        restoration: Restoration | None,
    ) -> None:
        result = JobResult(
            running.job,
            warnings=warnings,
            pixels=picture.width * picture.height,
            seconds=time.monotonic() - running.began,
            restoration=restoration,
        )
        self._end(running, result)

    def fail(self, running: RunningJob, error: ImageError) -> None:
        """End a file for a reason; nothing happens to one that has ended."""
        lasting = not isinstance(error, PassingError)
        self._end(running, JobResult(running.job, error=str(error), lasting=lasting))

    def _end(self, running: RunningJob, result: JobResult) -> None:
        if not running.watch.end():
            return
        running.work = None
        self._budget.give(running.let_go())
        self._done.put(result)


def _fulfil(done: "Future[None]", tile: Callable[[], None]) -> None:
    try:
        tile()
    except Exception as error:
        done.set_exception(_as_image_error(error))
    else:
        done.set_result(None)


def _as_image_error(error: Exception) -> ImageError:
    """Whatever goes wrong with one file, a defect of ours included, must not stop the others."""
    if isinstance(error, ImageError):
        return error
    if isinstance(error, MemoryError):
        return PassingError("does not fit into memory")
    return PassingError(f"unexpected {type(error).__name__}: {error}")
