"""A child process and what is known of it: see `line` for its own end."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from upscaler.hardware import system
from upscaler.supervisor import VARIABLE
from upscaler.supervisor.handover import Handover
from upscaler.supervisor.suspects import Suspects

_PAUSE = 0.02
"""Seconds between two looks at what it says: a run over small files says much."""


class Child:
    """A process on the line.

    Args:
        command: what to run; it calls `line.connect`.
        handover: what it is told at first.
        suspects: kept up to date with what it says, until it has ended.
    """

    def __init__(self, command: Sequence[str], handover: Handover, suspects: Suspects) -> None:
        self.in_flight: dict[str, str] = {}
        """Files that it works on, and where each is."""
        self.late: dict[str, str] = {}
        """Those that take too long, with the reason to give."""
        self.has_begun = self.has_done = False
        """Whether it took up a file, and whether it finished one."""
        self.patience, self.reason = float("inf"), ""
        """Seconds without a sign of life after which it hangs, and what to say then."""
        self.so_far: Mapping[str, Any] = {}
        self.code: int | None = None
        """Its exit code, as soon as all is done: some libraries crash at the end."""
        self.silent = 0.0
        """Seconds since its last sign of life."""
        self._suspects = suspects
        _open_standard_files()
        (read, to_supervisor), (from_supervisor, write) = os.pipe(), os.pipe()
        theirs = (from_supervisor, to_supervisor)
        try:
            self.process = system.start(command, theirs, VARIABLE)
        finally:
            for number in theirs:
                os.close(number)
        import json  # while the child starts

        with suppress(BrokenPipeError), os.fdopen(write, "w") as file:
            json.dump(handover._asdict(), file)
        self._listener = threading.Thread(target=self._listen, args=[read], daemon=True)
        self._listener.start()

    def is_there(self, seconds: float) -> bool:
        """Wait for its end, but not longer than that; return whether it is still there."""
        self._listener.join(seconds)
        return self._listener.is_alive()

    def end(self) -> int:
        """Wait for its end; return its exit code, negative for a signal before all was done."""
        self._listener.join()
        ended = self.process.wait()
        return ended if self.code is None else self.code

    def _listen(self, pipe: int) -> None:
        import json

        rest = b""
        while said := os.read(pipe, 1 << 16):
            *lines, rest = (rest + said).split(b"\n")
            for line in lines:
                self._hear(*json.loads(line))
            self.silent = 0.0
            time.sleep(_PAUSE)
        os.close(pipe)

    def _hear(self, what: str, *facts: Any) -> None:
        if what == "at":
            self.in_flight[facts[0]] = facts[1]
            self.has_begun = True
        elif what == "ended":
            name, done, self.so_far = facts
            self.in_flight.pop(name, None)
            self.late.pop(name, None)
            self._suspects.ended(name)
            self.has_done |= done
        elif what == "late":
            self.late[facts[0]] = facts[1]
        elif what == "suspect":
            self._suspects.add(facts[0])
        elif what == "working":
            self.patience, self.reason = facts
        elif what == "over":
            self.code = facts[0]


def _open_standard_files() -> None:
    """Keep pipes from taking the place of a standard file that was closed."""
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        os.set_inheritable(number, True)
        number = os.dup(number)
    os.close(number)
