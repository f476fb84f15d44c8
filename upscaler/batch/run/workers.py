"""Threads that take turns at work, and that no end of a process waits for."""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any


class Workers:
    """Up to `width` threads, one at once and the others as they are needed.

    What is submitted must not raise. After the shutdown it is dropped.

    Raises:
        RuntimeError: the system has not a single thread left.
    """

    def __init__(self, width: int, name: str) -> None:
        self._width, self._name, self._count = width, name, 0
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
            if self._idle < len(self._waiting) and self._count < self._width:
                with suppress(RuntimeError):  # no more threads: go on with fewer
                    self._start()
            self._more.notify()

    def shutdown(self, *, cancel: bool = False, until: float | None = None) -> None:
        """Wait for what was submitted, and take no more.

        Args:
            cancel: drop what has not begun.
            until: when to leave alone the threads that still work, by `time.monotonic`.
        """
        with self._lock:
            self._closed = True
            if cancel:
                self._waiting.clear()
            self._more.notify_all()
            patience = None if until is None else max(0.0, until - time.monotonic())
            self._fewer.wait_for(lambda: not self._count, patience)

    def _work(self) -> None:
        while work := self._next():
            work()
        with self._lock:
            self._count -= 1
            self._fewer.notify_all()

    def _next(self) -> Callable[[], None] | None:
        """Wait for work; None if there is none any more."""
        with self._lock:
            self._idle += 1
            self._more.wait_for(lambda: self._waiting or self._closed)
            self._idle -= 1
            return self._waiting.popleft() if self._waiting else None

    def _start(self) -> None:
        name = f"{self._name}_{self._count + 1}"
        threading.Thread(target=self._work, name=name, daemon=True).start()
        self._count += 1
