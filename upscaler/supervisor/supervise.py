"""Runs a command in a child process, and starts it again when it crashes or hangs.

What was in flight then comes last, one file at a time. A file that was alone in flight at two
deaths has failed. A file that is late and does not end is known at once.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from upscaler.hardware import system
from upscaler.supervisor.child import Child
from upscaler.supervisor.handover import Handover
from upscaler.supervisor.suspects import Suspects

_NOT_STARTED = 3
"""Exit code."""

_TURN = 0.2
"""Seconds between two looks at the child."""

_GRACE = 3.0
"""Seconds for which a late file may end by itself."""

_LAST_PATIENCE = 5.0
"""Seconds without a sign of life that are enough once the run was told to end."""

_MOST_FAILED = 32
"""How many files in a row may crash or hang before the rest is not tried."""

_CLEAN_LINE = b"\r\x1b[K\x1b[?25h"
"""Removes what is left of a progress bar, and shows the cursor, which the bar hides."""


def supervise(command: Sequence[str]) -> int:
    """Run a command, which calls `line.connect`, to its end; return its exit code."""
    return _Supervisor(command).run()


class _Supervisor:
    def __init__(self, command: Sequence[str]) -> None:
        self._command, self._suspects = command, Suspects()
        self._child: Child | None = None
        self._signal = 0
        self._failed_in_a_row = 0

    def run(self) -> int:
        for number in system.ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and `&` set it
                signal.signal(number, self._pass_on)
        handover = Handover(began=time.time())
        while True:
            child = self._child = Child(self._command, handover, self._suspects)
            if self._signal:  # it came before the child could hear it
                system.interrupt(child.process, self._signal)
            verdict = self._watch(child)
            code = child.end()
            how = verdict or system.crash(code)  # whoever ends it in another way wants it to end
            if self._signal and how:
                return system.exit_code(-self._signal)
            if not how:
                return system.exit_code(code)
            _clean_line()
            if not child.has_begun:
                print(f"Error: the process {_died(how)} before the work began", file=sys.stderr)
                return _NOT_STARTED
            handover = self._next(child, how, handover)

    def _watch(self, child: Child) -> str:
        """Wait until a child ends; return why it had to be ended, if so."""
        before, overdue = time.monotonic(), 0.0
        while child.is_there(_TURN):
            now = time.monotonic()
            # of a time in which nothing could run, a suspended terminal for one, little counts
            passed, before = min(now - before, 2 * _TURN), now
            child.silent += passed
            overdue = overdue + passed if child.late else 0.0
            patience = min(child.patience, _LAST_PATIENCE) if self._signal else child.patience
            if overdue > _GRACE:
                child.process.kill()
                return "late"
            if child.in_flight and child.silent > patience:
                child.process.kill()
                return "hangs"
        return ""

    def _next(self, child: Child, how: str, before: Handover) -> Handover:
        """Find out who is the cause; return what the next process has to know."""
        failed: dict[str, tuple[str, bool]] = {}
        if how == "late":
            failed = {name: (reason, False) for name, reason in child.late.items()}
            for name in failed:
                self._suspects.ended(name)
        elif culprit := self._suspects.died(list(child.in_flight)):
            reason = child.reason if how == "hangs" else ""
            failed[culprit] = (reason or _reason(how, child.in_flight[culprit]), not reason)
        self._failed_in_a_row = len(failed) + (0 if child.has_done else self._failed_in_a_row)
        not_tried = ""
        if self._failed_in_a_row >= _MOST_FAILED:
            not_tried = (
                f"not tried: {self._failed_in_a_row} files in a row ended the process or never "
                f"came to an end; run again for the rest"
            )
        return Handover(
            began=before.began,
            note=_note(how),
            suspects=list(self._suspects),
            unreported=list(child.in_flight),
            failed=failed,
            not_tried=not_tried,
            so_far=child.so_far or before.so_far,
        )

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """Tell the child, which may have heard it from the terminal, to end in order."""
        for each in system.ENDING:
            signal.signal(each, self._leave)
        self._signal = number
        if self._child is not None:
            system.interrupt(self._child.process, number)

    def _leave(self, number: int, frame: FrameType | None) -> NoReturn:
        """End at once: it is the second time."""
        if self._child is not None:
            self._child.process.kill()
        _clean_line()
        os._exit(system.exit_code(-number))


def _reason(how: str, where: str) -> str:
    if how == "hangs":
        return f"hangs in {where}"
    if how == "SIGKILL":
        return f"was in {where} when the process {_died(how)}"
    return f"ends {where} ({how})"


def _died(how: str) -> str:
    if how == "SIGKILL":
        return "was killed (SIGKILL), perhaps for lack of memory"
    return f"crashed ({how})"


def _note(how: str) -> str:
    again = "the files that it was working on come last, one at a time"
    if how == "late":
        return "a file took too long and did not end: started again without it"
    if how == "hangs":
        return f"the process gave no sign of life: started again; {again}"
    return f"the process {_died(how)}: started again; {again}"


def _clean_line() -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        system.allow_escapes()
        os.write(sys.stderr.fileno(), _CLEAN_LINE)
