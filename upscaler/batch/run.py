"""One batch, from its plan to its summary: skip what is done, do the rest, remember it."""

import hashlib
import json
import time
from collections.abc import Iterable
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


class Batch:
    """One run over a plan.

    Raises:
        StartError: the model is not there.
    """

    def __init__(self, plan: Plan, settings: Settings, reporter: Reporter) -> None:
        self._plan, self._settings, self._reporter = plan, settings, reporter
        self._fingerprint = settings.fingerprint()
        self._summary = Summary(ignored=plan.ignored)

    def run(self) -> Summary:
        """Bring every job of the plan to its end.

        Raises:
            StartError: the output folder or the runtime is not usable.
        """
        began = time.monotonic()
        for folder, reason in self._plan.unreadable.items():
            self._tell(Result(folder, Status.FAILED, error=f"cannot read the folder: {reason}"))
        if self._plan.jobs:
            with open_journal(self._plan.root) as journal:
                todo = self._remaining(journal)
                if self._plan.root is not None:
                    _sweep({job.target.parent for job in todo})
                if todo:
                    self._work(todo, journal)
        self._summary.seconds = time.monotonic() - began
        return self._summary

    def _tell(self, result: Result) -> None:
        self._summary.add(result)
        self._reporter.result(result)

    def _remaining(self, journal: Journal) -> list[Job]:
        """Report what needs no work; return the rest."""
        todo: list[Job] = []
        for job in self._plan.jobs:
            entry = None if self._settings.overwrite else journal.find(job, self._fingerprint)
            if entry is None or (entry.error and self._settings.retry_failed):
                if self._may_write(job, journal):
                    todo.append(job)
            elif entry.error:
                self._tell(Result(job.name, Status.FAILED_BEFORE, error=entry.error))
            else:
                self._tell(Result(job.name, Status.SKIPPED, str(job.target)))
        return todo

    def _may_write(self, job: Job, journal: Journal) -> bool:
        """Whether nobody else's file is in the way; report it if one is."""
        if self._settings.overwrite or not job.target.exists() or journal.owns(job):
            return True
        error = f"{job.target} exists and was not made here; use --overwrite to replace it"
        self._tell(Result(job.name, Status.FAILED, error=error))
        return False

    def _work(self, jobs: list[Job], journal: Journal) -> None:
        settings = self._settings
        upscaler = Upscaler(
            settings.model,
            scale=settings.scale,
            runtime=settings.runtime,
            precision=settings.precision,
            tile=settings.tile,
            streams=settings.streams,
        )
        self._reporter.opened(upscaler, len(jobs))
        journal.claim(jobs, self._fingerprint)
        memory = int(memory_bytes() * _MEMORY_SHARE)
        with Pipeline(upscaler, memory=memory, quality=settings.quality) as pipeline:
            for outcome in pipeline.run(jobs):
                journal.record(outcome.job, outcome.error)
                self._tell(_result(outcome))


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
