"""Where the time of a run goes."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

STAGES = ("read", "look", "cut", "infer", "join", "write")

_ADVICE = {
    "read": "inputs of a format that is quicker to decode would help",
    "look": "-m balanced, which does not look, would help",
    "cut": "a larger --tile would help",
    "infer": "`upscaler bench` shows what is faster here, with -m for other models",
    "join": "a larger --tile would help",
    "write": "another --format, or a lower --png-level, may help",
}

_TAKES = {"infer": "the network takes", "look": "to look at the pictures takes"}


@dataclass(frozen=True)
class Profile:
    """What the stages of a run took."""

    elapsed: float
    """Seconds from the first picture to the last."""
    seconds: dict[str, float]
    """Busy time of all threads, by stage."""

    @property
    def shares(self) -> dict[str, float]:
        """The part of the work that each stage is, 0 to 1."""
        whole = sum(self.seconds.values()) or 1.0
        return {name: value / whole for name, value in self.seconds.items()}

    @property
    def advice(self) -> str:
        """One sentence: what takes longest, and what would help."""
        name = max(self.shares, key=self.shares.__getitem__)
        takes = _TAKES.get(name, f"to {name} takes")
        return f"{takes} {self.shares[name]:.0%} of the work; {_ADVICE[name]}"


_NOTHING = Profile(0.0, {})


class Timer(Protocol):
    """Whoever is told how long the stages take."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Count the time of the body as that of a stage."""
        ...


class Stopwatch:
    """Adds up what the stages take, in any number of threads.

    Args:
        before: what has come together already, to go on from.
    """

    def __init__(self, before: Profile = _NOTHING) -> None:
        self._began = time.perf_counter() - before.elapsed
        self._seconds = dict.fromkeys(STAGES, 0.0) | before.seconds
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the body as that of a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - began
            with self._lock:
                self._seconds[name] += took

    def read(self) -> Profile:
        """Return what has come together so far."""
        with self._lock:
            seconds = {name: round(value, 4) for name, value in self._seconds.items()}
        return Profile(round(time.perf_counter() - self._began, 4), seconds)
