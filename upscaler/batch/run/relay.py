"""What a run takes over from its processes that died, and says for the next one to take over."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from upscaler.batch.plan.jobs import Job
from upscaler.batch.report import Result, Status, Summary, Used
from upscaler.batch.state.entries import JournalEntry, State
from upscaler.inference.timing import Profile
from upscaler.supervisor.handover import Handover

ToDo = Sequence[tuple[Job, float]]
"""Jobs, and when a run that was killed began each, in seconds since 1970; 0 if none did."""


class Relay:
    """The part of one process in a run.

    Args:
        handover: what came before.
    """

    def __init__(self, handover: Handover) -> None:
        self._handover, self._so_far = handover, handover.so_far
        self.is_first = not handover.note
        """Whether nothing of the run has been reported yet."""
        self.began = time.time() if self.is_first else handover.began
        """When the run began, in seconds since 1970."""

    @property
    def profile(self) -> Profile:
        """Where the time went before."""
        return Profile(self._so_far.get("elapsed", 0.0), self._so_far.get("stages", {}))

    def restore(self, summary: Summary) -> None:
        """Add what came before, but for the counts, which the journal knows."""
        if self._so_far:
            summary.pixels, summary.profile = self._so_far["pixels"], self.profile
            summary.bytes = self._so_far["bytes"]
        summary.runtimes = [Used(*facts) for facts in self._so_far.get("runtimes", [])]

    def ended(self, job: Job, entry: JournalEntry | None) -> Result | None:
        """Return how a job ended that an earlier process of this run reported."""
        if self.is_first or entry is None or entry.updated < self.began:
            return None
        if entry.state is State.BEGUN:
            return None
        done = entry.state is State.DONE
        return Result(job.name, Status.DONE if done else Status.FAILED)

    def is_unreported(self, job: Job) -> bool:
        """Whether nobody has heard of a job that was in flight: it is done again."""
        return job.name in self._handover.unreported

    def in_order(self, todo: ToDo) -> tuple[list[Job], list[Job]]:
        """Return first what is done side by side, then what was in flight at a death."""
        if self.is_first:
            begun = sorted((when, job.name) for job, when in todo if when)
            suspects = [name for _, name in begun]
        else:
            suspects = list(self._handover.suspects)
        place = {name: number for number, name in enumerate(suspects)}
        last = sorted((job for job, _ in todo if job.name in place), key=lambda j: place[j.name])
        return [job for job, _ in todo if job.name not in place], last


def so_far(summary: Summary, profile: Profile) -> Mapping[str, Any]:
    """Return what the next process needs to go on from here."""
    return {
        "pixels": summary.pixels,
        "bytes": summary.bytes,
        "runtimes": [[used.runtime, used.precision, used.after] for used in summary.runtimes],
        "elapsed": profile.elapsed,
        "stages": profile.seconds,
    }
