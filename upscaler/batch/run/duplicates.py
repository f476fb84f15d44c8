"""Inputs that are the same, byte for byte: enlarged once, copied for the others."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from upscaler.batch.plan.jobs import Job
from upscaler.batch.run.job_in_flight import Outcome
from upscaler.batch.state.fingerprint import contents, stamp
from upscaler.errors import PassingError
from upscaler.images import copy_file

Key = tuple[str, int, str]


class Twins:
    """Which jobs need no work because another does it.

    Args:
        jobs: whose inputs are compared; only files of equal size are read for it.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        by_content: dict[Key | Job, list[Job]] = defaultdict(list)
        for job, key in _keys(jobs).items():
            by_content[key].append(job)
        self._firsts: list[Job] = []
        self._others: dict[Job, list[Job]] = {}
        for group in by_content.values():
            self._lead(group)
        groups = [group for group in by_content.values() if group[1:]]
        self._stamps = {job: stamp(job.source) for group in groups for job in group}

    def take_firsts(self) -> list[Job]:
        """Return the jobs to do, in their order; to be asked again after them.

        Then it is those whose twin failed, until there are none.
        """
        firsts, self._firsts = self._firsts, []
        return firsts

    def settle(self, outcome: Outcome) -> Iterable[Outcome]:
        """Yield how the twins of a job that ended end: as it did, with a copy of its output.

        Where the machine was in its way, it may be in that of this job only: its folder, its
        permissions. Then the next of the twins is to do.
        """
        first = outcome.job
        others = self._others.pop(first, [])
        if others and outcome.error is not None and not outcome.lasting:
            self._lead(others)
            return
        for job in others:
            if outcome.error is not None:
                yield replace(outcome, job=job)
                continue
            try:
                if stamp(first.source) != self._stamps[first]:
                    raise PassingError(f"{first.name}, of which it was a copy, has changed since")
                copy_file(first.target, job.target)
            except PassingError as error:
                yield Outcome(job, error=str(error), lasting=False)
            else:
                yield replace(outcome, job=job, seconds=0.0)

    def _lead(self, group: list[Job]) -> None:
        """Let the first of some twins be done, and the others wait for it."""
        first, *others = group
        self._firsts.append(first)
        if others:
            self._others[first] = others


def _keys(jobs: Iterable[Job]) -> dict[Job, Key | Job]:
    """Return what is the same for twins only; a job that has none is a key by itself."""
    sizes: dict[tuple[int, str], list[Job]] = defaultdict(list)
    keys: dict[Job, Key | Job] = {}
    for job in jobs:
        keys[job] = job
        found = stamp(job.source)
        if found is not None:
            sizes[found.size, job.format.name].append(job)
    for (size, kind), alike in sizes.items():
        for job in alike if len(alike) > 1 else ():
            digest = contents(job.source)
            keys[job] = (digest, size, kind) if digest else job
    return keys
