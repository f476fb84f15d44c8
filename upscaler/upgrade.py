"""Moving a run to a faster runtime that was not ready when it began.

What takes long is built in a process of its own, beside the run: it can be ended at any time,
and cannot take the run down. Then the runtime is opened here, measured beside the one in use,
and taken if it is faster.
"""

import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from upscaler.errors import RuntimeUnavailable
from upscaler.runtimes import Choice, Wish, open_runtime
from upscaler.speed import seconds_per_round

_ROUNDS = 5

Build = Callable[[Wish, str], Sequence[str]]


def build_command(wish: Wish, name: str) -> Sequence[str]:
    """Return the command that makes a runtime ready on each device of the wish."""
    devices = [str(device) for device in wish.devices]
    model = str(wish.model.path)
    # -P: the program's own modules, not whatever lies in the folder it was called from
    program = [sys.executable, "-P", "-m", "upscaler.runtimes.make_ready"]
    return [*program, name, model, str(wish.model.spec.scale), wish.precision, *devices]


class Upgrade:
    """Prepares what `choice` left to build; a context manager that ends with the run.

    Args:
        adopt: called once, from another thread, with a faster choice, if there is one.
        build: makes the command that builds.
    """

    def __init__(
        self,
        wish: Wish,
        choice: Choice,
        adopt: Callable[[Choice], None],
        build: Build = build_command,
    ) -> None:
        self._wish, self._choice, self._adopt, self._build = wish, choice, adopt, build
        self._ended = threading.Event()
        self._builder: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._work, name="upgrade", daemon=True)

    def __enter__(self) -> Self:
        if self._choice.to_build:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop building: the run is over."""
        self._ended.set()
        if self._builder is not None:
            self._builder.terminate()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        for name in self._choice.to_build:
            if self._ended.is_set() or not self._made_ready(name):
                continue
            with suppress(RuntimeUnavailable):  # it says why by itself when it is asked for
                found = open_runtime(self._wish, name)
                if self._is_faster(found) and not self._ended.is_set():
                    self._adopt(found)
                    return

    def _made_ready(self, name: str) -> bool:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = self._build(self._wish, name)
        with subprocess.Popen(command, **quiet) as self._builder:  # type: ignore[call-overload]
            if self._ended.is_set():
                self._builder.terminate()
            return self._builder.wait() == 0

    def _is_faster(self, found: Choice) -> bool:
        """Measure both in turns, while the run goes on: it is in the way of either."""
        ratios = []
        for _ in range(_ROUNDS):
            if self._ended.is_set():
                return False
            old, new = map(_seconds_for_a_tile, (self._choice, found))
            ratios.append(old / new)
        return statistics.median(ratios) > 1


def _seconds_for_a_tile(choice: Choice) -> float:
    return seconds_per_round(choice.runtime) / choice.runtime.streams
