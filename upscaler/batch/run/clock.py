"""For how long each file is worked on, and what becomes of those that take too long.

The clock of a file runs while a stage works on it: waiting for its turn, for memory or for other
files does not count. Past the limit its next stage does not begin: the file has failed. Of a call
that does not return a supervisor is told, which ends the process; where there is none, the run
waits for it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from upscaler.errors import PassingError
from upscaler.inference.timing import STAGES, Stopwatch
from upscaler.supervisor.line import Witness

TURN = 0.2
"""Seconds between two looks, less for short limits."""

_LOOKS_A_LIMIT = 10

_LONG = 60.0
"""Seconds in one call after which a run without a limit logs where it stands."""


class Clock:
    """The clock of one file, which its stages use in the place of a Stopwatch.

    Args:
        name: of the file.
        whole: the run's Stopwatch, which counts the same time.
    """

    def __init__(self, name: str, whole: Stopwatch) -> None:
        self.name, self._whole = name, whole
        self.seconds = self.still = 0.0
        """For how long it was worked on, and for how long no call has begun or ended."""
        self.worked = 0.0
        """Seconds in which anything was done about it, waiting not counted."""
        self.stages = dict.fromkeys(STAGES, 0.0)
        """What its stages took, in seconds of all threads together."""
        self.late = ""
        """Why it has failed, if it took too long."""
        self._inside, self._entered, self._lock = 0, 0.0, threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the body as that of a stage; see `busy`."""
        with self.busy(), self._whole.stage(name):
            began = time.perf_counter()
            try:
                yield
            finally:
                took = time.perf_counter() - began
                with self._lock:
                    self.stages[name] += took

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Let the clock run.

        Raises:
            PassingError: the file took too long already.
        """
        self.refuse_if_late()
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Within one `busy`: leave the clock to others, while this thread waits for them."""
        self._count(-1)
        try:
            yield
        finally:
            self._count(1)

    def tick(self, seconds: float) -> None:
        """Let time pass if anything is being done."""
        with self._lock:
            if self._inside:
                self.seconds += seconds
                self.still += seconds

    def refuse_if_late(self) -> None:
        """Raise PassingError if the file took too long."""
        if self.late:
            raise PassingError(self.late)

    def _count(self, more: int) -> None:
        now = time.perf_counter()
        with self._lock:
            if not self._inside:
                self._entered = now
            self._inside += more
            if not self._inside:
                self.worked += now - self._entered
            self.still = 0.0


class Clocks:
    """The clocks of the files in progress.

    Args:
        limit: seconds of work on a file; None for no limit.
        log: called with a line worth knowing.
        witness: told which files are late.
        tick: called at each look.
    """

    def __init__(
        self,
        limit: float | None,
        log: Callable[[str], None],
        witness: Witness,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._limit, self._log, self._witness, self._tick = limit, log, witness, tick
        longest = limit or _LONG
        self.turn = min(TURN, longest / _LOOKS_A_LIMIT)
        self._most = 2 * longest / _LOOKS_A_LIMIT
        self._before = time.monotonic()
        self._running: dict[str, Clock] = {}

    def begin(self, clock: Clock) -> None:
        """Look at this one from now on."""
        self._running[clock.name] = clock

    def end(self, clock: Clock) -> None:
        """Look at this one no more."""
        self._running.pop(clock.name, None)

    def look(self) -> None:
        """Let time pass; to be called all the time."""
        now = time.monotonic()
        if now - self._before < self.turn:
            return
        # of a time in which nothing could run, a stopped process for one, little counts
        passed, self._before = min(now - self._before, self._most), now
        for clock in list(self._running.values()):
            clock.tick(passed)
            self._judge(clock, passed)
        self._tick()

    def _judge(self, clock: Clock, passed: float) -> None:
        if self._limit is None:
            if clock.still - passed < _LONG <= clock.still:
                with suppress(OSError):  # nobody reads it any more; the run goes on
                    self._log(
                        f"{clock.name}: one step has taken {_LONG:.0f} s so far; "
                        f"with --timeout S, files that take longer than S seconds fail"
                    )
        elif clock.seconds > self._limit and not clock.late:
            clock.late = too_long(self._limit)
            self._witness.late(clock.name, clock.late)


def too_long(limit: float) -> str:
    """Return why a file fails that takes longer than the limit."""
    return (
        f"took longer than --timeout {limit:g} s; "
        f"the next run tries it again, a larger --timeout waits longer"
    )
