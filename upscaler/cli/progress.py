"""What a person, or a program, sees of a run.

Results go to stdout: the summary, or JSON Lines. Progress and problems go to stderr: a bar on
a terminal, a plain line now and then elsewhere.
"""

import json
import time
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from upscaler.batch.plan.jobs import Plan
from upscaler.batch.report import Result, Status, Summary, Used
from upscaler.hardware.adapters import gpu_in_sight
from upscaler.images import NOT_READ
from upscaler.inference.size import Size
from upscaler.runtimes import by_reason
from upscaler.upscaler import Upscaler

_PLAIN_SECONDS = 10.0

_ON_PROCESSOR = ("cpu", "openvino")
"""Runtimes that compute on the processor; all others take a GPU."""

_GOES_ON = "the same command goes on"


class RunDisplay:
    """Shows one run; see the module.

    Args:
        again: whether an earlier process has shown how it began.
    """

    def __init__(self, *, as_json: bool, quiet: bool, verbose: bool, again: bool = False) -> None:
        self._json, self._quiet, self._verbose, self._again = as_json, quiet, verbose, again
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rates]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, visible=False, rates="")
        self._began = self._printed = time.monotonic()
        self._files = self._ended = self._pixels = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        if error is None:
            return
        if not isinstance(error, Exception):  # the command says it in the place of an error
            error.add_note(f"stopped: {self._ended} of {self._files} done; {_GOES_ON}")
        elif self._ended:
            self._say(f"finished files are kept; {_GOES_ON} from there")

    def planned(self, plan: Plan) -> None:
        """Name what looks like an image and is none, and say why pictures are not read."""
        if self._quiet or self._again:
            return
        for name, kind in plan.passed_over.items():
            self._say(f"ignored: {name}: {kind}")
        for extension, count in sorted(plan.not_read.by_extension.items()):
            if extension in NOT_READ:
                self._say(f"not read: {count} {extension}: {NOT_READ[extension]}")

    def opened(self, upscaler: Upscaler, files: int) -> None:
        """Say what is done, and why a GPU that is here takes no part."""
        self._began = self._printed = time.monotonic()
        self._files, self._ended = files, 0
        self._bar.update(self._task, total=files, visible=True)
        if self._quiet or self._again:
            return
        on_processor = upscaler.choice.runtime.name in _ON_PROCESSOR
        if self._verbose or (on_processor and gpu_in_sight()):
            for names, reason in by_reason(upscaler.choice.passed_over).items():
                self._say(f"not used: {names}: {reason}")
        for line in filter(None, (upscaler.passes_note, upscaler.tiling_note)):
            self._say(line)
        size = upscaler.size
        larger = f"{size.scale:g}x" if size == Size(size.scale) else f"{size}"
        place = "the processor" if on_processor else "the GPU"
        name = upscaler.model.title.removesuffix(f"-x{upscaler.scale}")
        self._say(f"{files} picture{'s' * (files != 1)}, {larger}, model {name}, on {place}")
        if self._verbose:
            self._say(str(upscaler))

    def moved(self, used: Used) -> None:
        """Say that a faster runtime took over."""
        if not self._quiet:
            self._say(
                f"switched to {used.runtime} in {used.precision}, which is ready now, and faster"
            )

    def note(self, text: str) -> None:
        """Say what is worth knowing."""
        if not self._quiet:
            self._say(text)

    def result(self, result: Result) -> None:
        """Show one file."""
        if self._json:
            click.echo(json.dumps(result.as_json()))
        if self._files and result.status in (Status.DONE, Status.FAILED):
            self._ended += 1
            self._pixels += result.pixels
            self._advance()
        if result.error:
            word = "failed before" if result.status is Status.FAILED_BEFORE else "failed"
            self._say(f"{word}: {result.name}: {result.error}")
        elif result.status is Status.KEPT:
            if not self._quiet:
                self._say(kept(result.name, result.target))
        elif self._verbose or (result.warnings and not self._quiet):
            self._describe(result)

    def summary(self, summary: Summary) -> None:
        """Say how it ended."""
        self._bar.stop()
        if self._json:
            click.echo(json.dumps(summary.as_json()))
        elif not self._quiet:
            click.echo(str(summary))

    def _describe(self, result: Result) -> None:
        took = f" in {result.seconds:.2f} s" if result.status is Status.DONE else ""
        for warning in result.warnings:
            self._say(f"warning: {result.name}: {warning}")
        if self._verbose:
            decided = f"; {result.restoration}" if result.restoration else ""
            self._say(f"{result.status}: {result.name}{took}{decided}")

    def _advance(self) -> None:
        seconds = max(time.monotonic() - self._began, 1e-3)
        rates = f"{self._ended / seconds:.1f} files/s  {self._pixels / 1e6 / seconds:.1f} MP/s"
        self._bar.update(self._task, completed=self._ended, rates=rates)
        due = time.monotonic() - self._printed >= _PLAIN_SECONDS
        if due and not self._console.is_terminal and not self._quiet:
            self._printed = time.monotonic()
            left = seconds / self._ended * (self._files - self._ended)
            self._say(f"{self._ended} of {self._files}  {rates}  {left:.0f} s left")

    def _say(self, text: str) -> None:
        self._console.print(printable(text), markup=False)


def kept(name: str, target: str | None) -> str:
    """Return the line on an output that somebody has changed."""
    return f"kept: {name}: {target} was changed since it was made; --overwrite makes it again"


def printable(text: str) -> str:
    """A file name is no markup, and what it holds must neither fake a line nor steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
