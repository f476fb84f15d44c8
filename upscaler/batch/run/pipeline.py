"""Reading, inference and writing, side by side.

    plan ─▶ read (threads) ─▶ tiles (threads) ─▶ write (threads) ─▶ results

The codecs and the runtimes release Python's global lock where it matters, so threads are
enough. Tiles of several pictures share the streams: a large picture uses all cores, and so
do many small ones. A budget in bytes, not in pictures, bounds what is in memory.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

from upscaler.batch.plan.jobs import Job, refuse_too_long
from upscaler.batch.run.as_input import make_folders, stamp_input
from upscaler.batch.run.clock import TURN, Clock, Clocks
from upscaler.batch.run.memory import Budget, bytes_needed, goes_in_strips
from upscaler.batch.run.running_job import JobResult, RunningJob, as_image_error
from upscaler.batch.run.tile_workers import TileWorkers
from upscaler.batch.run.workers import Workers
from upscaler.batch.run.workload import Workload
from upscaler.batch.state.file_stamp import sha256_as_stamped
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
from upscaler.supervisor.line import NOBODY, Witness
from upscaler.upscaler import Upscaler

_WAITING = 6
"""Jobs handed to the readers ahead of time, per stream."""

_REFILLS = 3
"""In so many parts they are handed over: to begin several together costs hardly more than one."""

_GRACE = 3.0
"""Seconds that an interrupted run gives to what has begun."""

_DECODER, _RUNTIME, _ENCODER = "the decoder", "the runtime", "the encoder"
_ANY_OF_THEM = "the decoder, the runtime or the encoder"
"""Where a file is in flight; one that goes in strips is in all at once."""


class Pipeline:
    """Runs jobs through an open Upscaler; a context manager that owns the threads.

    Args:
        memory: bytes of pictures at one time.
        encoding: how outputs are written.
        max_pixels: of an input, all frames together; larger ones fail.
        timeout: seconds of work after which a file fails; None for no limit.
        log: called with a line worth knowing.
        begin: called with the next few jobs before the first of them is read.
        witness: told where the jobs are.
        watch: counts what the stages take.
        workload: told how far the jobs are.
        tick: called several times a second.
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
        begin: Callable[[list[Job]], None] = lambda jobs: None,
        witness: Witness = NOBODY,
        watch: Stopwatch | None = None,
        workload: Workload | None = None,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._upscaler, self._encoding, self._max_pixels = upscaler, encoding, max_pixels
        self.watch = watch or Stopwatch()
        self._begin, self._witness = begin, witness
        self._workload = workload or Workload(())
        self._clocks = Clocks(timeout, log, witness, tick)
        self._budget = Budget(memory)
        self._ended: deque[JobResult] = deque()
        self.untouched: dict[str, Job] = {}
        """What was handed to the readers, and none has taken up."""
        self._news = threading.Event()
        self._stopped = threading.Event()
        streams = self._streams
        # one reader keeps two streams fed; encoders cost as much as small networks
        self._readers = Workers(max(1, streams // 2), "read")
        self._tiles = TileWorkers(lambda: upscaler.threads)
        self._writers = Workers(streams, "write")

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
        for pool in (self._readers, self._tiles, self._writers):
            pool.shutdown(cancel=kind is not None, until=until)

    def run(self, jobs: Iterable[Job]) -> Iterator[JobResult]:
        """Yield the result of each job as it ends; one bad file never stops the others."""
        waiting = iter(jobs)
        unfinished = 0
        while True:
            free = self._ahead - unfinished
            if free >= self._ahead // _REFILLS and (following := list(islice(waiting, free))):
                self._begin(following)
                self.untouched |= {job.name: job for job in following}
                for job in following:
                    running = RunningJob(job, Clock(job.name, self.watch))
                    self._readers.submit(self._guard, self._read, running)
                unfinished += len(following)
            if not unfinished:
                return
            yield self._next()
            self._ended.popleft()
            unfinished -= 1

    def leftovers(self) -> Iterator[JobResult]:
        """Yield what ended after the caller stopped listening; for after the exit.

        What the caller was about to hear when it was interrupted is among it.
        """
        while self._ended:
            yield self._ended.popleft()

    def _next(self) -> JobResult:
        """Wait for a result, in short turns: some systems deliver signals only in between."""
        self._clocks.look()
        while not self._ended:
            self._news.wait(self._clocks.turn)
            self._news.clear()
            self._clocks.look()
        return self._ended[0]

    def _guard(self, stage: Callable[[RunningJob], None], running: RunningJob) -> None:
        """Run one stage; whatever it raises ends this job, not the run."""
        if self._stopped.is_set():
            return
        try:
            stage(running)
        except Exception as error:
            self._fail(running, as_image_error(error))

    def _read(self, running: RunningJob) -> None:
        job, wanted = running.job, self._upscaler.size
        self._witness.at(job.name, _DECODER)
        self.untouched.pop(job.name, None)
        self._clocks.begin(running.clock)
        self._workload.begin(running)
        running.stamp = stamp_input(job, running.output, keep_times=self._encoding.keep_times)
        with running.clock.busy():  # what is turned has the same multiple, but not the same width
            size = (upright_size if wanted.sided else picture_size)(job.source, self._max_pixels)
        self._workload.size(job.name, size.pixels)
        refuse_too_long(job, wanted.of(size.width, size.height))
        network = wanted.network(self._upscaler.model, size.width, size.height)
        scale = network.spec.scale if network else 1
        if self._upscaler.takes_strips and goes_in_strips(size, scale, job.format):
            self._witness.at(job.name, _ANY_OF_THEM)
            with ExitStack() as stack:
                with running.clock.busy():
                    rows = stack.enter_context(open_rows(job.source, self._max_pixels))
                if rows is not None:
                    self._take(running, bytes_needed(size, scale, strips=True))
                    self._go_in_strips(running, rows, self._looked_through(running))
                    return
        largest = network.largest_scale if network else 1
        resampled = not wanted.is_scale(largest)
        self._take(running, bytes_needed(size, largest, resampled=resampled))
        if not self._stopped.is_set():
            self._go_whole(running)

    def _take(self, running: RunningJob, wanted: int) -> None:
        self._budget.take(wanted)
        running.bytes = wanted

    def _go_whole(self, running: RunningJob) -> None:
        with running.clock.stage("read"):
            picture = self._fit(running.job, open_picture(running.job.source, self._max_pixels))
            running.input_sha256 = sha256_as_stamped(running.job.source, running.stamp)
        with running.clock.busy():
            work = self._upscaler.begin(picture, running.clock)
        running.work = work
        running.start(len(work.tiles))
        self._witness.at(running.job.name, _RUNTIME)
        if not work.tiles:
            self._writers.submit(self._guard, self._write, running)
        for tile in work.tiles:
            self._tiles.submit(self._infer, running, tile)

    def _looked_through(self, running: RunningJob) -> Damage:
        """Read a large picture once for what it has been through, if that decides anything."""
        if not self._upscaler.looks:
            return Damage()
        with running.clock.stage("look"), ExitStack() as stack:
            rows = stack.enter_context(open_rows(running.job.source, self._max_pixels))
            return look_at_rows(rows) if rows else Damage()

    def _go_in_strips(self, running: RunningJob, rows: Rows, damage: Damage) -> None:
        """Take a picture all the way: reading and writing its strips takes turns."""
        job, clock = running.job, running.clock
        try:
            with clock.busy():
                work = self._upscaler.begin_strips(rows, partial(self._fit, job), clock, damage)
                running.start(work.tile_count)
                strips = work.run(partial(self._compute, running))
                make_folders(job)
                around = running.output
                lost = save_strips(
                    work.frame, strips, job.target, job.format, self._encoding, around
                )
                running.input_sha256 = sha256_as_stamped(job.source, running.stamp)
        except Exception as error:  # or it would pass for damage of the file that is open
            raise as_image_error(error) from None
        self._succeed(running, work.frame, (*work.warnings, *lost), work.restoration)

    def _compute(self, running: RunningJob, tile: Callable[[], None]) -> Callable[[], None]:
        """Have a tile of a strip computed; returns what waits for it."""
        return partial(self._wait_for, self._tiles.compute(tile), running)

    def _wait_for(self, tile: "Future[None]", running: RunningJob) -> None:
        with running.clock.idle():  # the tile lets the clock run when its turn has come
            while not wait([tile], TURN).done:
                running.clock.refuse_if_late()
                if self._stopped.is_set():
                    raise PassingError("was interrupted")
        tile.result()
        running.tile_done(None)

    def _fit(self, job: Job, picture: Picture) -> Picture:
        """Return what the output's format can hold of a picture."""
        if self._encoding.strip:
            picture = picture.without_metadata()
        return fit(self._upscaler.as_meant(picture), job.format)

    @property
    def _streams(self) -> int:
        return max(self._upscaler.streams, self._upscaler.choice.runtime.streams)

    @property
    def _ahead(self) -> int:
        """How many jobs are on their way: of small pictures, enough for all threads as well."""
        return max(_WAITING * self._streams, 2 * self._upscaler.threads)

    def _infer(self, running: RunningJob, tile: Callable[[], None]) -> None:
        error: ImageError | None = None
        if running.error is None and not self._stopped.is_set():
            try:
                tile()
            except Exception as problem:
                error = as_image_error(problem)
        if running.tile_done(error):
            self._writers.submit(self._guard, self._write, running)

    def _write(self, running: RunningJob) -> None:
        if running.error:
            raise running.error
        work, job = running.work, running.job
        self._witness.at(job.name, _ENCODER)
        with running.clock.stage("write"):
            assert work is not None
            picture = work.finish()
            make_folders(job)
            around = running.output
            lost = save_picture(picture, job.target, job.format, self._encoding, around)
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
            seconds=running.clock.worked,
            input_sha256=running.input_sha256,
            output=running.output.written,
            restoration=restoration,
        )
        self._end(running, result)

    def _fail(self, running: RunningJob, error: ImageError) -> None:
        lasting = not isinstance(error, PassingError)
        self._end(running, JobResult(running.job, error=str(error), lasting=lasting))

    def _end(self, running: RunningJob, result: JobResult) -> None:
        self._clocks.end(running.clock)
        self._workload.end(running, well=result.error is None)
        running.work = None
        self._budget.give(running.bytes)
        self._ended.append(result)
        self._news.set()
