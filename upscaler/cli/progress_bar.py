"""How far a run is: a line that moves on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Callable
from pathlib import PurePosixPath

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from upscaler.batch.run.workload import Workload
from upscaler.cli.printable import printable

_NAME = Column(ratio=3, no_wrap=True, overflow="ellipsis")
"""Has what room is left beside the bar, which takes two parts of it."""

_MOVES = 0.1
"""Seconds between two looks at how far it is, on a terminal."""

_PLAIN = 10.0
"""Seconds between two plain lines."""

_SURE_AFTER, _SURE_SHARE = 2.0, 0.01
"""Seconds and share of the work before which no time is said."""


class _Narrower:
    """Leaves room at the end of a line for the ^C that a terminal shows, or that would wrap."""

    def __init__(self, line: RenderableType) -> None:
        self._line = line

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._line, options.update(width=options.max_width - 3))


class _Bar(Progress):
    def get_renderable(self) -> RenderableType:
        return _Narrower(super().get_renderable())


class ProgressBar:
    """Shows how far a run is.

    Args:
        console: where to.
        say: prints a line; for where there is no terminal.
        shown: whether anything is to be seen.
    """

    def __init__(self, console: Console, say: Callable[[str], None], *, shown: bool) -> None:
        self._shown, self._terminal, self._say = shown, console.is_terminal, say
        self._bar = _Bar(
            BarColumn(None, table_column=Column(ratio=2, min_width=4)),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[name]}", markup=False, table_column=_NAME),
            console=console,
            expand=True,
            transient=True,  # the last line of a run says more
            disable=not shown or not self._terminal,
        )
        self._task: TaskID | None = None
        self._workload = Workload(())
        self._began = self._looked = 0.0

    def start(self, workload: Workload) -> None:
        """Show the work that begins now."""
        self._workload, self._began = workload, time.monotonic()
        self._looked = self._began
        text = f"0% 0/{workload.files}"
        self._task = self._bar.add_task(text, total=1.0, name="")
        self._bar.start()

    def stop(self) -> None:
        """Show it no more."""
        self._bar.stop()

    def tick(self, ended: int) -> None:
        """Show how far it is, if it is time to; `ended` files have their results."""
        now = time.monotonic()
        due = now - self._looked >= (_MOVES if self._terminal else _PLAIN)
        if not due or not self._shown or self._task is None:
            return
        self._looked = now
        share = self._workload.share
        name = printable(PurePosixPath(self._workload.current).name)
        percent, left = f"{share * 100:.0f}%", self._time_left(now, share)
        if self._terminal:
            text = " ".join([percent, f"{ended}/{self._workload.files}", left])
            self._bar.update(self._task, description=text, completed=share, name=name)
        else:
            parts = [f"{ended} of {self._workload.files}", percent, left, name]
            self._say(", ".join(filter(None, parts)))

    def _time_left(self, now: float, share: float) -> str:
        seconds = self._workload.seconds_left()
        if seconds is None or share < _SURE_SHARE or now - self._began < _SURE_AFTER:
            return ""
        return f"{clock_time(seconds)} left"


def clock_time(seconds: float) -> str:
    """Return a time in little room: `0:07`, `3:20`, `2:05:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
