"""Outputs whose name belongs to another input that has come since follow the rule of names.

`a.gif` alone becomes `a.png`; beside an `a.png` it becomes `a.gif.png`. So when `a.png` comes
later, what was made of `a.gif` is renamed before the run, and remembered under its new name: names
never depend on which input was there first, and nothing is made twice or lost.

Shards rename nothing, since others may be at work on these outputs; a run of the whole does.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from upscaler.batch.plan.jobs import Job, Plan
from upscaler.batch.plan.output_names import former_names
from upscaler.batch.state.fingerprint import stamp
from upscaler.batch.state.journal import Journal, JournalEntry
from upscaler.images import sync_folders


@dataclass(frozen=True)
class Renaming:
    """An output that is to follow its name."""

    job: Job
    """Whose output it is; the target is its name from now on."""
    former: Job
    """The same with the name that the output has."""
    supersedes: Job | None = None
    """The job that may replace the output where it is, since there is a newer one already."""

    def __str__(self) -> str:
        return f"{self.former.target.name}, made from {self.job.name}, is now {self._now}"

    @property
    def _now(self) -> str:
        name = self.job.target.name
        return f"replaced: that is {name} by now" if self.supersedes else name


def renamings(plan: Plan, journal: Journal) -> list[Renaming]:
    """Return which outputs are to follow their names; changes nothing."""
    if plan.root is None or plan.shard is not None or not plan.renamed:
        return []
    now = {job.target: job for job in plan.jobs}
    found = []
    for job in plan.renamed:
        for name in former_names(Path(job.name), job.format):
            former = replace(job, target=plan.root / name)
            if former.target == job.target:
                break
            if not _made(journal.find(former), former):
                continue
            if not os.path.lexists(job.target):
                found.append(Renaming(job, former))
                break
            if former.target in now and _is_current(journal.find(job), job):
                found.append(Renaming(job, former, supersedes=now[former.target]))
    return found


def follow_names(plan: Plan, journal: Journal) -> Iterator[Renaming]:
    """Rename what is to be renamed, and yield each; one name may become free for another."""
    while done := [each for each in renamings(plan, journal) if _carry_out(each, journal)]:
        yield from done


def _carry_out(renaming: Renaming, journal: Journal) -> bool:
    """Rename an output, if possible; a kill at any moment costs no more than making it again."""
    if renaming.supersedes is not None:
        journal.hand_over(renaming.supersedes)
        return True
    journal.begin_rename(renaming.former, renaming.job)
    try:
        renaming.former.target.rename(renaming.job.target)
    except OSError:
        return False
    sync_folders([renaming.job.target.parent])
    journal.end_rename(renaming.former, renaming.job)
    return True


def _made(entry: JournalEntry | None, job: Job) -> bool:
    """Whether what stands at a job's target was made here from its input, and from no other."""
    if entry is None or entry.output is None or stamp(job.target) is None:
        return False
    if entry.source.name != job.source.name:  # one file may have two names, each with its output
        return False
    with suppress(OSError):
        return entry.source.samefile(job.source)
    return False


def _is_current(entry: JournalEntry | None, job: Job) -> bool:
    return entry is not None and _made(entry, job) and entry.output == stamp(job.target)
