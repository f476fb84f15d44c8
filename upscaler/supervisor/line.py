"""The child's end of the line to its supervisor.

The supervisor hands over what came before, and is told from then on which files are in flight. A
beat each second shows that the child is alive; where nobody listens any more, it ends.
"""

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from upscaler.hardware import system
from upscaler.supervisor import VARIABLE
from upscaler.supervisor.handover import Handover

_BEAT = 1.0
"""Seconds between two signs of life."""

_ORPHANED = 1
"""Exit code that nobody sees."""


class Witness:
    """Whoever follows a run from outside: nobody, for one that has no supervisor."""

    handover = Handover()
    supervisor = 0
    """The supervisor's process, 0 if there is none."""

    def working(self, patience: float, reason: str) -> None:
        """Work begins.

        Args:
            patience: seconds without a sign of life after which the process hangs.
            reason: what to say of the file that is the cause; empty for the usual words.
        """
        self._say("working", patience, reason)

    def suspect(self, names: Iterable[str]) -> None:
        """These files were in flight when an earlier run died, in the order to try them."""
        self._say("suspect", list(names))

    def at(self, name: str, where: str) -> None:
        """A file is in flight: about to go through the decoder, say."""
        self._say("at", name, where)

    def late(self, name: str, reason: str) -> None:
        """A file takes too long, which `reason` says; if it does not end soon, it hangs."""
        self._say("late", name, reason)

    def ended(self, name: str, done: bool, so_far: Mapping[str, Any]) -> None:
        """A file has its result; `so_far` is for the handover."""
        self._say("ended", name, done, so_far)

    def over(self, code: int) -> None:
        """All is done: whatever happens to this process now, that is its exit code."""
        self._say("over", code)

    def _say(self, *message: object) -> None:
        pass


NOBODY = Witness()


class Line(Witness):
    """The supervisor of this process, which hears of the run through a pipe."""

    def __init__(self, pipes: str) -> None:
        read, write = system.taken_over(pipes)
        os.set_inheritable(write, False)
        self.supervisor = os.getppid()
        with open(read) as handover:  # noqa: PTH123 - a number, not a path
            self.handover = Handover(**json.load(handover))
        self._pipe, self._lock = write, threading.Lock()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()

    def _beat(self) -> None:
        while True:
            time.sleep(_BEAT)
            self._say("beat")

    def _say(self, *message: object) -> None:
        text = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                while text:
                    text = text[os.write(self._pipe, text) :]
        except OSError:  # the supervisor is gone, and nobody else may end this process
            os._exit(_ORPHANED)


def connect() -> Witness:
    """Return the supervisor of this process, if it has one."""
    pipes = os.environ.pop(VARIABLE, "")
    return Line(pipes) if pipes else NOBODY
