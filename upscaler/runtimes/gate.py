"""A gate that work goes through, and that can be closed for a moment to have the machine alone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 30.0
"""Seconds after which closing a gate fails."""

_LOOK = 0.2
"""Seconds between two checks whether the run has ended."""


class Gate:
    """Any number of threads pass an open gate; a closed one they wait at."""

    def __init__(self) -> None:
        self._inside = 0
        self._open = True
        self._changed = threading.Condition()

    def run(self, work: Callable[[], None]) -> None:
        """Do some work inside."""
        with self._changed:
            self._changed.wait_for(lambda: self._open)
            self._inside += 1
        try:
            work()
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self, ended: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Let nobody in, and wait until nobody is inside; one thread at a time may do so.

        Args:
            ended: whether there is no sense in waiting any more.

        Raises:
            TimeoutError: somebody stays inside, in a call that hangs perhaps.
        """
        until = time.monotonic() + PATIENCE
        with self._changed:
            self._open = False
        try:
            with self._changed:
                while not self._changed.wait_for(lambda: self._inside == 0, _LOOK):
                    if ended() or time.monotonic() > until:
                        raise TimeoutError(f"a tile has not ended within {PATIENCE:.0f} s")
            yield
        finally:
            with self._changed:
                self._open = True
                self._changed.notify_all()
