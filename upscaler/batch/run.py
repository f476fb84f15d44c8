"""One batch, from its plan to its summary: skip what is done, do the rest, remember it."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from upscaler.batch.journal import Entry, Journal, open_journal, stamp
from upscaler.batch.pipeline import Outcome, Pipeline
from upscaler.batch.plan import Job, Plan
from upscaler.batch.report import Result, Status, Summary, Used
from upscaler.batch.twins import Twins
from upscaler.images import MAX_PIXELS, Encoding, Format, allow_pixels, sweep
from upscaler.machine import memory_bytes
from upscaler.models import Model, find
from upscaler.runtimes import Runtime
from upscaler.size import Size
from upscaler.upscaler import Upscaler

_MEMORY_SHARE = 0.25
"""Of the machine's memory that pictures in flight may fill."""


@dataclass(frozen=True)
class Settings:
    """What a person asked for, beside the input and the output."""

    model: str
    scale: float
    size: Size | None = None
    """What pictures shall become, if not `scale` times as large."""
    runtime: str = "auto"
    precision: str = "auto"
    tile: int | str | None = "auto"
    streams: int | None = None
    devices: tuple[int, ...] = ()
    memory: int | None = None
    """Bytes of pictures in flight; None for a share of the machine's memory."""
    encoding: Encoding = field(default_factory=Encoding)
    max_pixels: int = MAX_PIXELS
    """Of an input, all frames together; larger ones fail."""
    overwrite: bool = False
    """Do everything again, whatever stands in the output folder."""
    retry_failed: bool = False

    def open(self) -> Upscaler:
        """Return the model on its runtime."""
        return Upscaler(
            self.model,
            scale=self.scale,
            size=self.size,
            runtime=self.runtime,
            precision=self.precision,
            tile=self.tile,
            streams=self.streams,
            devices=self.devices,
        )

    def fingerprint(self, model: Model, kind: Format) -> str:
        """Return the sha256 of all that decides what an output looks like.

        Tiles and threads are not in it: they do not change the picture.
        """
        facts = {
            "model": model.sha256,
            "size": str(self.size or Size(self.scale)),
            "runtime": self.runtime,
            "precision": self.precision,
            "quality": self.encoding.quality if kind.lossy else None,
            "strip": self.encoding.strip,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Reporter(Protocol):
    """Whoever shows the run."""

    def opened(self, upscaler: Upscaler, files: int) -> None:
        """Work begins: `files` pictures go through `upscaler`."""

    def moved(self, used: Used) -> None:
        """A faster runtime took over; called from another thread."""

    def note(self, text: str) -> None:
        """A line worth knowing; called from another thread."""

    def result(self, result: Result) -> None:
        """One file ended."""


class Batch:
    """One run over a plan.

    Raises:
        StartError: the model is not there.
    """

    def __init__(self, plan: Plan, settings: Settings, reporter: Reporter) -> None:
        self._plan, self._settings, self._reporter = plan, settings, reporter
        model = find(settings.model, settings.scale)
        self._fingerprints = {job: settings.fingerprint(model, job.format) for job in plan.jobs}
        self._summary = Summary(ignored=plan.ignored)

    def run(self) -> Summary:
        """Bring every job of the plan to its end.

        Raises:
            StartError: the output folder or the runtime is not usable.
        """
        began = time.monotonic()
        allow_pixels(self._settings.max_pixels)
        for folder, reason in self._plan.unreadable.items():
            self._tell(Result(folder, Status.FAILED, error=f"cannot read the folder: {reason}"))
        if self._plan.jobs:
            with open_journal(self._plan.root) as journal:
                todo = self._remaining(journal)
                for parent in {job.target.parent for job in todo}:
                    sweep(parent)
                if todo:
                    self._work(todo, journal)
        self._summary.seconds = time.monotonic() - began
        return self._summary

    def _moved(self, runtime: Runtime) -> None:
        ended = self._summary.counts[Status.DONE] + self._summary.counts[Status.FAILED]
        used = Used(runtime.name, runtime.precision, after=ended)
        self._summary.runtimes.append(used)
        self._reporter.moved(used)

    def _tell(self, result: Result) -> None:
        self._summary.add(result)
        self._reporter.result(result)

    def _remaining(self, journal: Journal) -> list[Job]:
        """Report what needs no work, or may not be done; return the rest."""
        todo: list[Job] = []
        for job in self._plan.jobs:
            settled = None if self._settings.overwrite else self._settled(job, journal.find(job))
            if settled is None:
                todo.append(job)
            else:
                self._tell(settled)
        return todo

    def _settled(self, job: Job, entry: Entry | None) -> Result | None:
        """Return the result of a job that no work can or should change, None for the others."""
        there = stamp(job.target)
        if entry is not None and not entry.claimed and self._is_current(job, entry):
            if entry.error and not self._settings.retry_failed:
                return Result(job.name, Status.FAILED_BEFORE, error=entry.error)
            if there and there == entry.output and not entry.error:
                return Result(job.name, Status.SKIPPED, str(job.target))
        reason = _in_the_way(job, entry) if there else ""
        return _refused(job, reason) if reason else None

    def _is_current(self, job: Job, entry: Entry) -> bool:
        same_settings = entry.settings == self._fingerprints[job]
        return same_settings and entry.input == stamp(job.source) and entry.is_of(job.source)

    def _work(self, jobs: list[Job], journal: Journal) -> None:
        settings, upscaler = self._settings, self._settings.open()
        runtime = upscaler.choice.runtime
        self._summary.runtimes.append(Used(runtime.name, runtime.precision))
        self._reporter.opened(upscaler, len(jobs))
        twins = Twins(jobs)
        journal.claim({job: self._fingerprints[job] for job in jobs})
        memory = settings.memory or int(memory_bytes() * _MEMORY_SHARE)
        pipeline = Pipeline(upscaler, memory=memory, encoding=settings.encoding)
        try:
            with upscaler.upgrading(self._moved, self._reporter.note), pipeline:
                for outcome in pipeline.run(twins.firsts):
                    for ended in chain([outcome], twins.settle(outcome)):
                        _record(journal, ended)
                        self._tell(_result(ended))
            self._summary.profile = pipeline.watch.read()
        finally:
            for outcome in pipeline.leftovers():  # an interrupt must not forget what was done
                _record(journal, outcome)


def _record(journal: Journal, outcome: Outcome) -> None:
    if outcome.error is None:
        journal.done(outcome.job)
    elif outcome.lasting:
        journal.failed(outcome.job, outcome.error)
    else:
        journal.release(outcome.job)


def _in_the_way(job: Job, entry: Entry | None) -> str:
    """Return why the file that stands at a job's target may not be replaced, empty if it may."""
    if entry is None:
        return "exists already"
    if not entry.is_of(job.source):
        return f"was made from {entry.source}"
    # what we made is ours to make again, also if it was changed since; so is what a killed
    # run may have left. Where nothing was made, the file is somebody else's
    made_here = entry.output is not None and not entry.error
    ours = entry.claimed or made_here or entry.output == stamp(job.target)
    return "" if ours else "exists already"


def _refused(job: Job, reason: str) -> Result:
    error = f"{job.target} {reason}; use another output, or --overwrite to replace it"
    return Result(job.name, Status.FAILED, error=error)


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
