"""One batch, from its plan to its summary: skip what is done, do the rest, remember it."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from upscaler.batch.journal import Journal, open_journal
from upscaler.batch.pipeline import Outcome, Pipeline
from upscaler.batch.plan import Job, Plan
from upscaler.batch.report import Result, Status, Summary
from upscaler.images.write import TEMPORARY
from upscaler.machine import memory_bytes
from upscaler.models import find
from upscaler.upscaler import Upscaler

_MEMORY_SHARE = 0.25
"""Of the machine's memory that pictures in flight may fill."""


@dataclass(frozen=True)
class Settings:
    """What a person asked for, beside the input and the output."""

    model: str
    scale: int
    runtime: str = "auto"
    precision: str = "auto"
    tile: int | str | None = "auto"
    streams: int | None = None
    format: str = "keep"
    quality: int = 95
    overwrite: bool = False
    """Do everything again, whatever stands in the output folder."""
    retry_failed: bool = False

    def fingerprint(self) -> str:
        """Return the sha256 of all that decides what an output looks like.

        Tiles and threads are not in it: they do not change the picture.
        """
        facts = {
            "model": find(self.model, self.scale).sha256,
            "runtime": self.runtime,
            "precision": self.precision,
            "format": self.format,
            "quality": self.quality,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Reporter(Protocol):
    """Whoever shows the run."""

    def opened(self, upscaler: Upscaler, files: int) -> None:
        """Work begins: `files` pictures go through `upscaler`."""

    def result(self, result: Result) -> None:
        """One file ended."""


def run_batch(plan: Plan, settings: Settings, reporter: Reporter) -> Summary:
    """Bring every job of a plan to its end.

    Raises:
        StartError: the output folder, the model or the runtime is not usable.
    """
    began = time.monotonic()
    fingerprint = settings.fingerprint()  # fails early on an unknown model
    summary = Summary(ignored=plan.ignored)

    def tell(result: Result) -> None:
        summary.add(result)
        reporter.result(result)

    for folder, reason in plan.unreadable.items():
        tell(Result(folder, Status.FAILED, error=f"cannot read the folder: {reason}"))
    if plan.jobs:
        with open_journal(plan.root) as journal:
            todo = _remaining(plan.jobs, journal, fingerprint, settings, tell)
            _sweep({job.target.parent for job in todo})
            if todo:
                _work(todo, journal, fingerprint, settings, reporter, tell)
    summary.seconds = time.monotonic() - began
    return summary


def _remaining(
    jobs: list[Job],
    journal: Journal,
    fingerprint: str,
    settings: Settings,
    tell: Callable[[Result], None],
) -> list[Job]:
    """Report what needs no work; return the rest."""
    todo: list[Job] = []
    for job in jobs:
        entry = None if settings.overwrite else journal.find(job, fingerprint)
        if entry is None or (entry.error and settings.retry_failed):
            if job.target.exists() and not settings.overwrite and not journal.made(job):
                error = f"{job.target} exists and is not ours; use --overwrite to replace it"
                tell(Result(job.name, Status.FAILED, error=error))
            else:
                todo.append(job)
        elif entry.error:
            tell(Result(job.name, Status.FAILED_BEFORE, error=entry.error))
        else:
            tell(Result(job.name, Status.SKIPPED, str(job.target)))
    return todo


def _work(
    jobs: list[Job],
    journal: Journal,
    fingerprint: str,
    settings: Settings,
    reporter: Reporter,
    tell: Callable[[Result], None],
) -> None:
    upscaler = Upscaler(
        settings.model,
        scale=settings.scale,
        runtime=settings.runtime,
        precision=settings.precision,
        tile=settings.tile,
        streams=settings.streams,
    )
    reporter.opened(upscaler, len(jobs))
    memory = int(memory_bytes() * _MEMORY_SHARE)
    with Pipeline(upscaler, memory=memory, quality=settings.quality) as pipeline:
        for outcome in pipeline.run(jobs):
            journal.record(outcome.job, fingerprint, outcome.error)
            tell(_result(outcome))


def _result(outcome: Outcome) -> Result:
    failed = outcome.error is not None
    return Result(
        name=outcome.job.name,
        status=Status.FAILED if failed else Status.DONE,
        target=None if failed else str(outcome.job.target),
        error=outcome.error,
        warnings=outcome.warnings,
        pixels=outcome.pixels,
        seconds=outcome.seconds,
    )


def _sweep(folders: Iterable[Path]) -> None:
    """Remove what a killed run left half-written; the lock says that nobody writes there now."""
    for folder in folders:
        for path in folder.glob(TEMPORARY):
            path.unlink(missing_ok=True)
