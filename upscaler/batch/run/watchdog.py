"""What becomes of a file that takes too long, or for ever.

The clock of a file runs while a stage works on it: waiting for its turn, for memory or for other
files does not count. Past the limit the file has failed, whatever its calls still do: its draft is
removed, the threads inside those calls are left behind and others take their place, and what a call
returns too late is dropped. What a lost call holds, memory mostly, is free when it returns or the
process ends. A call that hangs in Python's global lock stops every thread, this one too.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from upscaler.batch.run.workers import Worker, lost
from upscaler.errors import PassingError
from upscaler.images import Draft
from upscaler.inference.timing import Stopwatch

_TICK = 0.5
"""Seconds between two checks, less for short limits."""

_TICKS_A_LIMIT = 10

_PATIENCE = 1.0
"""Seconds for which the end of a run waits for the watchdog."""

_LONG = 60.0
"""Seconds in one call after which a run without a limit logs where it stands."""

_LOST_A_STREAM, _FEWEST_LOST = 4, 32
"""How many threads may hang at one time before the rest of the run fails."""


class Watch:
    """The clock of one file, which its stages use in the place of a Stopwatch.

    Args:
        name: of the file.
        whole: the run's Stopwatch, which counts the same time.
        fail: called once, from another thread, with the reason.
    """

    def __init__(
        self,
        name: str,
        whole: Stopwatch,
        fail: Callable[[PassingError], None],
        watchdog: "Watchdog",
    ) -> None:
        self.name, self._whole, self._on_failure, self._watchdog = name, whole, fail, watchdog
        self.draft = Draft()
        """The file's output, as long as it has no name."""
        self.seconds = self.still = 0.0
        """For how long it was worked on, and for how long no call has begun or ended."""
        self._inside: Counter[threading.Thread] = Counter()
        self._ended = False
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the body as that of a stage; see `busy`."""
        with self.busy(), self._whole.stage(name):
            yield

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Let the clock run.

        Raises:
            PassingError: the file has failed, before the body or within it.
        """
        if self._watchdog.exhausted:
            raise PassingError(self._watchdog.exhausted)
        self.refuse_if_ended()
        with self._lock:
            self._inside[threading.current_thread()] += 1
            self.still = 0.0
        try:
            yield
        finally:
            with self._lock:
                self._inside -= Counter([threading.current_thread()])
                self.still = 0.0
        self.refuse_if_ended()

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Within `busy`: leave the clock to others, while this thread waits for them."""
        thread = threading.current_thread()
        with self._lock:
            depth = self._inside.pop(thread, 0)
        try:
            yield
        finally:
            with self._lock:
                self._inside += Counter({thread: depth})  # which keeps no zeros

    def end(self) -> bool:
        """Note that the file has its result; False if it had one before."""
        with self._lock:
            first, self._ended = not self._ended, True
        self._watchdog.forget(self)
        return first

    def tick(self, seconds: float) -> None:
        """Let time pass if anything is being done."""
        with self._lock:
            if self._inside:
                self.seconds += seconds
                self.still += seconds

    def fail(self, reason: str) -> None:
        """Fail the file and leave its threads behind, unless it is done all but for its name."""
        if not self.draft.fail(reason):
            return
        with self._lock:
            inside = list(self._inside)
        self._on_failure(PassingError(reason))
        for thread in inside:
            if isinstance(thread, Worker):
                thread.leave()

    def refuse_if_ended(self) -> None:
        """Raise PassingError if the file has failed or the run is over."""
        if self._ended:
            raise PassingError("is not worked on any more")


class Watchdog:
    """Checks the files in progress every now and then; has a thread of its own.

    Args:
        limit: seconds of work on a file; None for no limit.
        streams: of the run.
        log: called from that thread with a line worth knowing.
    """

    def __init__(self, limit: float | None, streams: int, log: Callable[[str], None]) -> None:
        self._limit, self._log = limit, log
        self._most_lost = max(_FEWEST_LOST, _LOST_A_STREAM * streams)
        self._tick = min(_TICK, (limit or _LONG) / _TICKS_A_LIMIT)
        self.exhausted = ""
        """Why nothing more is begun, if so."""
        self._watches: set[Watch] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._check_all, name="watchdog", daemon=True)
        self._thread.start()

    def watch(self, name: str, whole: Stopwatch, fail: Callable[[PassingError], None]) -> Watch:
        """Return the clock of a file that is about to begin; see `Watch`."""
        watch = Watch(name, whole, fail, self)
        with self._lock:
            self._watches.add(watch)
        return watch

    def forget(self, watch: Watch) -> None:
        """Stop checking a file that has ended."""
        with self._lock:
            self._watches.discard(watch)

    def close(self) -> None:
        """Stop; what is still in progress has no result and never gets its name."""
        self._closed.set()
        for watch in self._current():
            watch.end()
            watch.draft.fail("the run has ended")
        self._thread.join(_PATIENCE)

    def _current(self) -> list[Watch]:
        with self._lock:
            return list(self._watches)

    def _check_all(self) -> None:
        before = time.monotonic()
        while not self._closed.wait(self._tick):
            now = time.monotonic()
            # of a time in which nothing could run, a stopped process for one, little counts
            passed, before = min(now - before, 2 * self._tick), now
            for watch in self._current():
                watch.tick(passed)
                self._check(watch, passed)
            if lost() > self._most_lost:
                self.exhausted = (
                    f"not tried: {lost()} steps of the files above never ended; "
                    f"run again for the rest"
                )

    def _check(self, watch: Watch, passed: float) -> None:
        if self._limit is None:
            if watch.still - passed < _LONG <= watch.still:
                with suppress(OSError):  # nobody reads it any more; the watch goes on
                    self._log(
                        f"{watch.name}: one step has taken {_LONG:.0f} s so far; "
                        f"with --timeout S, files that take longer than S seconds fail"
                    )
        elif watch.seconds > self._limit:
            watch.fail(
                f"took longer than --timeout {self._limit:g} s; "
                f"the next run tries it again, a larger --timeout waits longer"
            )
