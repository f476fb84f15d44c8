"""Moving a run to a faster runtime that was not ready when it began.

What takes long is built in a process of its own, beside the run: it can be ended at any time,
and cannot take the run down. Then the runtime is opened here and measured beside the one in use,
on tiles as the run has them, while the run's own tiles wait; and taken if it is faster. What was
not worth its building is remembered, and not built by every run.
"""

import gc
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from upscaler.runtimes import RUNTIMES, Choice, Runtime, RuntimeRequest, TriedRuntime, open_runtime
from upscaler.runtimes.gate import Gate
from upscaler.runtimes.throughput import pixels_per_second

LEAST_GAIN = 1.05
"""How many times as fast it has to be: less lies within what two measurements differ by."""

_ROUNDS, _WARM_UP = 5, 2
_PATIENCE = 2.0
"""Seconds for which the run waits, apart from the first round."""

_TERMINATION = 2.0
"""Seconds that a builder has to end by itself."""

Build = Callable[[RuntimeRequest, str], Sequence[str]]


def build_command(request: RuntimeRequest, name: str) -> Sequence[str]:
    """Return the command that makes a runtime ready on each device of the request."""
    devices = [str(device) for device in request.devices]
    model = request.model
    restore = "" if model.restore is None else repr(model.restore)
    found_by = [str(model.path), str(model.spec.scale), restore]
    # -P: the program's own modules, not whatever lies in the folder it was called from
    program = [sys.executable, "-P", "-m", "upscaler.runtimes.make_ready"]
    return [*program, name, *found_by, request.precision, *devices]


@dataclass(frozen=True)
class Host:
    """The run that may move, as the upgrade needs to see it."""

    adopt: Callable[[Choice], None]
    """Called once, from another thread, with a faster choice, if there is one."""
    log: Callable[[str], None]
    """Called from another thread with a line about what was not taken."""
    gate: Gate
    """What each tile of the run goes through."""
    tile: Callable[[], tuple[int, int]]
    """Returns height and width of its tiles, with their margins, in pixels."""


class Upgrade:
    """Prepares what `choice` left to build; a context manager that ends with the run.

    Args:
        build: makes the command that builds; it ends when its stdin does.
    """

    def __init__(
        self, request: RuntimeRequest, choice: Choice, host: Host, build: Build = build_command
    ) -> None:
        self._request, self._choice, self._host, self._build = request, choice, host, build
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
            _end(self._builder)
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        for name, precision in self._choice.to_build.items():
            request = replace(self._request, precision=precision)
            try:
                reason = self._try(name, request)
            except Exception as error:  # nothing that goes wrong here is worth the run
                reason = str(error) or type(error).__name__
            gc.collect()  # a runtime that was not taken points to itself, and holds memory
            if reason is None or self._ended.is_set():
                return
            self._host.log(f"did not change to {name} in {precision}: {reason}")

    def _try(self, name: str, request: RuntimeRequest) -> str | None:
        """Build, open and measure one runtime; return why it was not taken, if it was not.

        It is opened in the builder's process first, where a crash ends no run.
        """
        failure = self._built(name, request)
        if self._ended.is_set():
            return None
        if failure is not None:
            _remember(request, name, failure)
            return failure
        found = open_runtime(request, name)
        gain = self._gain(found.runtime)
        if self._ended.is_set():
            return None
        if gain < LEAST_GAIN:
            verdict = f"it is {gain:.2f} times as fast as {self._choice.runtime.name} here"
            _remember(request, name, verdict)
            return verdict
        _remember(request, name)
        self._host.adopt(found)
        return None

    def _built(self, name: str, request: RuntimeRequest) -> str | None:
        """Run the builder; return why it failed, None if it did not."""
        command = self._build(request, name)
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(command, stdin=pipe, stdout=nowhere, stderr=pipe) as self._builder:
            if self._ended.is_set():
                _end(self._builder)
            assert self._builder.stderr is not None
            errors = self._builder.stderr.read().decode(errors="replace").strip().splitlines()
        if self._builder.returncode == 0:
            return None
        return errors[-1] if errors else f"its builder ended with {self._builder.returncode}"

    def _gain(self, new: Runtime) -> float:
        """Return how many times as fast the new runtime is as the old one, each alone in turn."""
        old, (height, width) = self._choice.runtime, self._host.tile()
        at_once = max(runtime.streams * runtime.together(height, width) for runtime in (old, new))

        def speed(runtime: Runtime) -> float:
            return pixels_per_second(runtime, height, width, at_once)

        for _ in range(_WARM_UP):
            speed(new)
        ratios: list[float] = []
        with self._host.gate.closed(self._ended.is_set):
            began = time.monotonic()
            while len(ratios) < _ROUNDS and not self._ended.is_set():
                ratios.append(speed(new) / speed(old))
                if time.monotonic() - began > _PATIENCE:
                    break
        return statistics.median(ratios) if ratios else 0.0


def _remember(request: RuntimeRequest, name: str, failure: str | None = None) -> None:
    """Remember the outcome for the next runs, if that is possible."""
    with suppress(Exception):
        kind = RUNTIMES[name].load()
        assert issubclass(kind, TriedRuntime)
        for device in request.devices or (0,):
            if failure is None:
                kind.record_gain(request.model, request.precision, device)
            else:
                kind.record_failure(request.model, request.precision, device, failure)


def _end(builder: subprocess.Popen[bytes]) -> None:
    builder.terminate()
    try:
        builder.wait(_TERMINATION)
    except subprocess.TimeoutExpired:
        builder.kill()
