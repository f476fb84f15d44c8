"""What a person, or a program, sees of a run.

Results go to stdout: the summary, or JSON Lines. Progress and problems go to stderr: a bar on
a terminal, a plain line now and then elsewhere.
"""

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import click
from rich.console import Console

from upscaler.batch.plan.jobs import Plan
from upscaler.batch.report import Result, Status, Summary, Used, write_report
from upscaler.batch.run.batch import Batch
from upscaler.batch.run.settings import Settings
from upscaler.batch.run.workload import Workload
from upscaler.cli.looking import Looking
from upscaler.cli.printable import between_words, printable
from upscaler.cli.progress_bar import ProgressBar
from upscaler.hardware.adapters import gpu_in_sight
from upscaler.images import NOT_READ, drop_unfinished
from upscaler.inference.size import Size
from upscaler.runtimes import by_reason
from upscaler.supervisor.line import Witness
from upscaler.upscaler import Upscaler

_ON_PROCESSOR = ("cpu", "openvino")
"""Runtimes that compute on the processor; all others take a GPU."""

_GOES_ON = "the same command goes on"


class RunDisplay:
    """Shows one run; see the module.

    Args:
        looking: what is to be seen before, and goes when there is more to say.
        again: whether an earlier process has shown how it began.

    Attributes:
        in_detail: whether a person wants to see more than what matters.
    """

    def __init__(
        self,
        looking: Looking,
        *,
        as_json: bool,
        quiet: bool,
        verbose: bool,
        again: bool = False,
    ) -> None:
        self._looking = looking
        self._json, self._quiet, self._verbose, self._again = as_json, quiet, verbose, again
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._bar = ProgressBar(self._console, self._say, shown=not quiet)
        self._workload = Workload(())
        self._ended = 0
        self.in_detail = verbose and not (quiet or as_json)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self._looking.end()
        if error is None:
            return
        if not isinstance(error, Exception):  # the command says it in the place of an error
            error.add_note(f"stopped: {self._ended} of {self._workload.files} done; {_GOES_ON}")
        elif self._ended:
            self._say(f"finished files are kept; {_GOES_ON} from there")

    def planned(self, plan: Plan) -> None:
        """Name what looks like an image and is none, what is not read, and patterns without use."""
        if self._quiet or self._again:
            return
        if plan.unmatched:
            self._say(plan.unmatched)
        for name, kind in plan.passed_over.items():
            self._say(f"ignored: {name}: {kind}")
        for extension, count in sorted(plan.not_read.by_extension.items()):
            if extension in NOT_READ:
                self._say(f"not read: {count} {extension}: {NOT_READ[extension]}")

    def opened(self, upscaler: Upscaler, workload: Workload) -> None:
        """Say what is done, and why a GPU that is here takes no part; show the bar."""
        self._workload = workload
        if self._quiet:
            return
        if not self._again:
            workload.look_ahead()  # once: a size that ends the process must not do so again
            self._introduce(upscaler, workload.files)
        self._looking.end()
        self._bar.start(workload)

    def tick(self) -> None:
        """Show how far the run is."""
        self._bar.tick(self._ended)

    def _introduce(self, upscaler: Upscaler, files: int) -> None:
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
        """Say that a faster runtime took over; what is left is timed by it alone."""
        self._workload.start_timing()
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
            self._looking.end()
            click.echo(json.dumps(result.as_json()))
        if self._workload.files and result.status in (Status.DONE, Status.FAILED):
            self._ended += 1
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
        self._looking.end()
        if self._json:
            click.echo(json.dumps(summary.as_json()))
        elif not self._quiet:
            click.echo(between_words(str(summary), sys.stdout))

    def _describe(self, result: Result) -> None:
        took = f" in {result.seconds:.2f} s" if result.status is Status.DONE else ""
        for warning in result.warnings:
            self._say(f"warning: {result.name}: {warning}")
        if self._verbose:
            decided = f"; {result.restoration}" if result.restoration else ""
            self._say(f"{result.status}: {result.name}{took}{decided}")

    def _say(self, text: str) -> None:
        self._looking.end()
        self._console.print(between_words(printable(text), self._console.file), markup=False)


def show_run(
    planned: Plan, settings: Settings, display: RunDisplay, witness: Witness, report: Path | None
) -> Summary:
    """Do what is planned, and show it.

    Args:
        report: a file for the numbers of the run, if they are wanted.
    """
    with display:
        display.planned(planned)
        try:
            summary = Batch(planned, settings, display, witness).run()
        finally:
            drop_unfinished()  # by calls that did not return when the run was interrupted
        display.summary(summary)
    if display.in_detail:
        from upscaler.cli.terminal_picture import show_before_after

        show_before_after(planned, summary)
    if report:
        write_report(summary, report)
    return summary


def kept(name: str, target: str | None) -> str:
    """Return the line on an output that somebody has changed."""
    return f"kept: {name}: {target} was changed since it was made; --overwrite makes it again"
