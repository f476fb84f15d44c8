"""Threads that take turns at work, of which one may be lost: then another takes its place.

A thread cannot be ended from outside. One whose call never returns is left behind: it takes no more
work, and it must not hold up the end of the process (`lost`, of which `cli/main.py` asks).
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

_left_behind: set[threading.Thread] = set()


def lost() -> int:
    """Return how many threads of this process are inside calls that never returned."""
    _left_behind.difference_update([each for each in list(_left_behind) if not each.is_alive()])
    return len(_left_behind)


class Worker(threading.Thread):
    """One thread of a pool."""

    def __init__(self, pool: "Workers", name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._pool, self.is_left = pool, False

    def run(self) -> None:
        """Work until the pool is closed, or this thread has been replaced."""
        try:
            while not self.is_left and (work := self._pool.next()):
                work()
        finally:
            self._pool.ended(self)

    def leave(self) -> None:
        """Expect nothing of this thread any more; another takes its place."""
        self._pool.replace(self)


class Workers:
    """Up to `width` threads, one at once and the others as they are needed.

    What is submitted must not raise. After the shutdown it is dropped.

    Raises:
        RuntimeError: the system has not a single thread left.
    """

    def __init__(self, width: int, name: str) -> None:
        self._width, self._name, self._count = width, name, 0
        self._threads: set[Worker] = set()
        self._waiting: deque[Callable[[], None]] = deque()
        self._idle, self._closed = 0, False
        self._lock = threading.RLock()
        self._more, self._fewer = (threading.Condition(self._lock) for _ in range(2))
        with self._lock:
            self._start()

    def submit(self, work: Callable[..., None], *arguments: Any) -> None:
        """Let a thread do it when its turn comes."""
        with self._lock:
            if self._closed:
                return
            self._waiting.append(partial(work, *arguments))
            if self._idle < len(self._waiting) and len(self._threads) < self._width:
                self._start_another()
            self._more.notify()

    def shutdown(self, *, cancel: bool = False, until: float | None = None) -> None:
        """Wait for what was submitted, and take no more.

        Args:
            cancel: drop what has not begun.
            until: when to leave behind the threads that still work, by `time.monotonic`.
        """
        with self._lock:
            self._closed = True
            if cancel:
                self._waiting.clear()
            self._more.notify_all()
            patience = None if until is None else max(0.0, until - time.monotonic())
            self._fewer.wait_for(lambda: not self._threads, patience)
            for worker in list(self._threads):
                self.replace(worker)

    def next(self) -> Callable[[], None] | None:
        """Wait for work; None if there is none any more."""
        with self._lock:
            self._idle += 1
            self._more.wait_for(lambda: self._waiting or self._closed)
            self._idle -= 1
            return self._waiting.popleft() if self._waiting else None

    def ended(self, worker: Worker) -> None:
        """Count a thread out that has nothing more to do."""
        with self._lock:
            self._threads.discard(worker)
            self._fewer.notify_all()

    def replace(self, worker: Worker) -> None:
        """Leave a thread behind, which may be at work for ever."""
        with self._lock:
            if worker not in self._threads:
                return
            worker.is_left = True
            _left_behind.add(worker)
            self.ended(worker)
            if self._waiting or not self._closed:
                self._start_another()

    def _start_another(self) -> None:
        with suppress(RuntimeError):  # no more threads: go on with fewer
            self._start()

    def _start(self) -> None:
        self._count += 1
        worker = Worker(self, f"{self._name}_{self._count}")
        worker.start()
        self._threads.add(worker)
