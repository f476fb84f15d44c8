"""A gate that work goes through, and that can be closed for a moment to have the machine alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
    def closed(self) -> Iterator[None]:
        """Let nobody in, and wait until nobody is inside; one thread at a time may do so."""
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._open = True
                self._changed.notify_all()
