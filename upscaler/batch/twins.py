"""Inputs that are the same, byte for byte: enlarged once, copied for the others."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from upscaler.batch.flight import Outcome
from upscaler.batch.plan import Job
from upscaler.batch.stamp import contents, stamp
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
        self.firsts = [group[0] for group in by_content.values()]
        """The jobs to do, in their order."""
        self._others = {group[0]: group[1:] for group in by_content.values() if group[1:]}
        self._stamps = {first: stamp(first.source) for first in self._others}

    def settle(self, outcome: Outcome) -> Iterable[Outcome]:
        """Yield how the twins of a job that ended end: as it did, with a copy of its output."""
        first = outcome.job
        for job in self._others.get(first, ()):
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
