"""Reading, inference and writing, side by side.

    plan ─▶ read (threads) ─▶ tiles (one thread a stream) ─▶ write (threads) ─▶ outcomes

The codecs and the runtimes release Python's global lock where it matters, so threads are
enough. Tiles of several pictures share the streams: a large picture uses all cores, and so
do many small ones. A budget in bytes, not in pictures, bounds what is in memory.
"""

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self

from upscaler.batch.plan import Job
from upscaler.enlargement import Enlargement
from upscaler.errors import ImageError, PassingError
from upscaler.images import Encoding, fit, open_picture, picture_size, save_picture
from upscaler.stages import Stopwatch
from upscaler.upscaler import Upscaler

_WAITING = 4
"""Jobs handed to the readers ahead of time, per stream."""

_BYTES_PER_PIXEL = 8
"""Of a picture in memory: RGB with alpha, and a copy on the way through a codec."""

_BYTES_TO_RESAMPLE = 24
"""More, a pixel of what the network made: a channel as floats, some copies, its opacity."""


@dataclass(frozen=True)
class Outcome:
    """How one job ended."""

    job: Job
    error: str | None = None
    """Why it failed; None if the output is in place."""
    lasting: bool = True
    """Whether the failure is the picture's own, so that another try would end the same."""
    warnings: tuple[str, ...] = ()
    pixels: int = 0
    """Of the output."""
    seconds: float = 0.0
    """From the start of reading to the end of writing."""


class _Budget:
    """So many bytes at a time; a picture larger than all of it waits until it is alone."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0
        self._free = threading.Condition()

    def take(self, amount: int) -> None:
        with self._free:
            self._free.wait_for(lambda: not self._used or self._used + amount <= self._limit)
            self._used += amount

    def give(self, amount: int) -> None:
        with self._free:
            self._used -= amount
            self._free.notify_all()

    def lift(self) -> None:
        """Let everyone through: the run is ending, and nobody must wait for what never comes."""
        with self._free:
            self._limit = sys.maxsize
            self._free.notify_all()


class _Flight:
    """One job on its way: counts its tiles down and keeps the first thing that went wrong."""

    def __init__(self, job: Job) -> None:
        self.job, self.began = job, 0.0
        self.bytes = 0
        self.work: Enlargement | None = None
        self.error: ImageError | None = None
        self._left, self._lock = 0, threading.Lock()

    def start(self, work: Enlargement) -> None:
        self.work, self._left = work, len(work.tiles)

    def tile_done(self, error: ImageError | None) -> bool:
        """Note one tile; return whether it was the last."""
        with self._lock:
            self.error = self.error or error
            self._left -= 1
            return self._left == 0


class Pipeline:
    """Runs jobs through an open Upscaler; a context manager that owns the threads.

    Args:
        memory: bytes of pictures in flight.
        encoding: how outputs are written.
    """

    def __init__(self, upscaler: Upscaler, *, memory: int, encoding: Encoding) -> None:
        self._upscaler, self._encoding = upscaler, encoding
        self.watch = Stopwatch()
        self._budget = _Budget(memory)
        self._done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._growing = threading.Lock()
        self._threads = streams = self._streams
        # one reader keeps two streams fed; encoders cost as much as small networks
        self._readers = ThreadPoolExecutor(max(1, streams // 2), "read")
        self._tiles = [ThreadPoolExecutor(streams, "infer")]
        self._writers = ThreadPoolExecutor(streams, "write")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what has begun; after an error or an interrupt, begin nothing more."""
        if kind is not None:
            self._stopped.set()
            self._budget.lift()
        for pool in (self._readers, *self._tiles, self._writers):
            pool.shutdown(cancel_futures=kind is not None)

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Yield the outcome of each job as it ends; one bad file never stops the others."""
        waiting = iter(jobs)
        flying = 0
        while True:
            for job in islice(waiting, max(0, _WAITING * self._streams - flying)):
                self._readers.submit(self._guard, self._read, _Flight(job))
                flying += 1
            if not flying:
                return
            yield self._done.get()
            flying -= 1

    def leftovers(self) -> Iterator[Outcome]:
        """Yield what ended after the caller stopped listening; for after the exit."""
        while not self._done.empty():
            yield self._done.get()

    def _guard(self, stage: Callable[[_Flight], None], flight: _Flight) -> None:
        """Run one stage; whatever it raises ends this job, not the run."""
        if self._stopped.is_set():
            return
        try:
            stage(flight)
        except Exception as error:
            self._fail(flight, _as_image_error(error))

    def _read(self, flight: _Flight) -> None:
        size = picture_size(flight.job.source)
        scale = self._upscaler.model.spec.scale
        _check_fits(flight.job, max(self._upscaler.size.of(size.width, size.height)))
        resampled = not self._upscaler.size.is_scale(scale)
        wanted = bytes_in_flight(size.pixels, scale, resampled=resampled)
        self._budget.take(wanted)
        flight.bytes, flight.began = wanted, time.monotonic()
        if self._stopped.is_set():
            return
        with self.watch.stage("read"):
            picture = open_picture(flight.job.source)
            if self._encoding.strip:
                picture = picture.without_metadata()
            picture = fit(picture, flight.job.format)
        work = self._upscaler.begin(picture, self.watch)
        flight.start(work)
        if not work.tiles:
            self._writers.submit(self._guard, self._write, flight)
        for tile in work.tiles:
            self._current_tiles().submit(self._infer, flight, tile)

    @property
    def _streams(self) -> int:
        return max(self._upscaler.streams, self._upscaler.choice.runtime.streams)

    def _current_tiles(self) -> ThreadPoolExecutor:
        """Return threads for as many streams as the runtime has, to which the run may move."""
        with self._growing:
            if self._streams > self._threads:  # the former pool ends what it has begun
                self._threads = self._streams
                self._tiles.append(ThreadPoolExecutor(self._threads, "infer"))
            return self._tiles[-1]

    def _infer(self, flight: _Flight, tile: Callable[[], None]) -> None:
        error: ImageError | None = None
        if flight.error is None and not self._stopped.is_set():
            try:
                tile()
            except Exception as problem:
                error = _as_image_error(problem)
        if flight.tile_done(error):
            self._writers.submit(self._guard, self._write, flight)

    def _write(self, flight: _Flight) -> None:
        assert flight.work is not None
        if flight.error:
            raise flight.error
        job = flight.job
        with self.watch.stage("write"):
            picture = flight.work.finish()
            save_picture(picture, job.target, job.format, self._encoding)
        self._end(
            flight,
            Outcome(
                job,
                warnings=picture.warnings,
                pixels=picture.width * picture.height,
                seconds=time.monotonic() - flight.began,
            ),
        )

    def _fail(self, flight: _Flight, error: ImageError) -> None:
        lasting = not isinstance(error, PassingError)
        self._end(flight, Outcome(flight.job, error=str(error), lasting=lasting))

    def _end(self, flight: _Flight, outcome: Outcome) -> None:
        flight.work = None
        self._budget.give(flight.bytes)
        self._done.put(outcome)


def bytes_in_flight(pixels: int, scale: int, *, resampled: bool) -> int:
    """Return what a picture of so many pixels takes on its way through a network."""
    more = _BYTES_TO_RESAMPLE * scale**2 if resampled else 0
    return pixels * ((1 + scale**2) * _BYTES_PER_PIXEL + more)


def _as_image_error(error: Exception) -> ImageError:
    """Whatever goes wrong with one file, a defect of ours included, must not stop the others."""
    if isinstance(error, ImageError):
        return error
    if isinstance(error, MemoryError):
        return PassingError("does not fit into memory")
    return PassingError(f"unexpected {type(error).__name__}: {error}")


def _check_fits(job: Job, side: int) -> None:
    """Refuse what could not be written, before the work instead of after it."""
    limit = job.format.largest_side
    if limit and side > limit:
        raise ImageError(
            f"would be {side} pixels long, and {job.format.name} holds at most {limit}; "
            f"use --format png"
        )
