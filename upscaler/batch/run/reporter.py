"""Who is told how a batch goes on: a display, or nobody."""

from typing import Protocol

from upscaler.batch.report import Result, Used
from upscaler.batch.run.workload import Workload
from upscaler.upscaler import Upscaler


class Reporter(Protocol):
    """Whoever shows the run."""

    def opened(self, upscaler: Upscaler, workload: Workload) -> None:
        """Work begins: `workload` goes through `upscaler`, and says at any time how far it is."""

    def tick(self) -> None:
        """Time passes: called several times a second from then on."""

    def moved(self, used: Used) -> None:
        """A faster runtime took over; called from another thread."""

    def note(self, text: str) -> None:
        """A line worth knowing; called from another thread."""

    def result(self, result: Result) -> None:
        """One file ended."""
