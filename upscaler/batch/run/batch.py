"""One batch, from its plan to its summary: skip what is done, do the rest, remember it."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Protocol

from upscaler.batch.plan.jobs import Job, Plan
from upscaler.batch.report import Result, Status, Summary, Used
from upscaler.batch.run.job_in_flight import Outcome
from upscaler.batch.run.pipeline import Pipeline
from upscaler.batch.state.journal import Fingerprint, Journal, RunRecord, open_journal
from upscaler.batch.state.resume import Rules, settled
from upscaler.hardware.cpu import memory_bytes
from upscaler.images import MAX_PIXELS, Encoding, Format, allow_pixels, sweep, sync_folders
from upscaler.inference.size import Size
from upscaler.models import Model, find_model
from upscaler.runtimes import Runtime
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
    restore: float | None = None
    """Where between a clean model and its sibling that undoes damage; None for the one named."""
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
    timeout: float | None = None
    """Seconds of work after which a file is given up; None for no limit."""
    rules: Rules = field(default_factory=Rules)

    @property
    def wanted(self) -> Size:
        """What pictures shall become."""
        return self.size or Size(self.scale)

    def find_model(self) -> Model:
        """Return the model; raises as `models.find_model` does."""
        return find_model(self.model, self.scale, self.restore)

    def open(self) -> Upscaler:
        """Return the model on its runtime."""
        return Upscaler(
            self.model,
            scale=self.scale,
            size=self.size,
            restore=self.restore,
            runtime=self.runtime,
            precision=self.precision,
            tile=self.tile,
            streams=self.streams,
            devices=self.devices,
        )

    @property
    def memory_limit(self) -> int:
        """Bytes of pictures in flight."""
        return self.memory or int(memory_bytes() * _MEMORY_SHARE)

    def fingerprint(self, model: Model, kind: Format) -> Fingerprint:
        """Return what decides how an output looks.

        Tiles, threads and the timeout are not in it: they do not change the picture.
        """
        facts = {
            "model": model.sha256,
            "size": str(self.wanted),
            "runtime": self.runtime,
            "precision": self.precision,
            "quality": self.encoding.quality if kind.lossy else None,
            "strip": self.encoding.strip,
        }
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        return Fingerprint(model.sha256, digest)


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
        self._model = settings.find_model()
        kinds = {job.format.name: job.format for job in plan.jobs}
        by_format = {name: settings.fingerprint(self._model, k) for name, k in kinds.items()}
        self._fingerprints = {job: by_format[job.format.name] for job in plan.jobs}
        self._summary = Summary(
            model=self._model.title,
            planned=plan.size,
            ignored=plan.ignored,
            left_out=plan.left_out,
        )

    def run(self) -> Summary:
        """Bring every job of the plan to its end.

        Raises:
            StartError: the output folder or the runtime is not usable.
        """
        began = time.monotonic()
        allow_pixels(self._settings.max_pixels)
        for name, reason in self._plan.refused.items():
            self._report(Result(name, Status.FAILED, error=reason))
        if self._plan.jobs:
            with open_journal(self._plan.root, self._plan.shard) as journal:
                todo = self._remaining(journal)
                for folder in {job.target.parent for job in self._plan.jobs}:
                    sweep(folder)
                if todo:
                    self._work(todo, journal)
        self._summary.seconds = time.monotonic() - began
        return self._summary

    def _moved(self, runtime: Runtime) -> None:
        ended = self._summary.counts[Status.DONE] + self._summary.counts[Status.FAILED]
        used = Used(runtime.name, runtime.precision, after=ended)
        self._summary.runtimes.append(used)
        self._reporter.moved(used)

    def _report(self, result: Result) -> None:
        self._summary.add(result)
        self._reporter.result(result)

    def _remaining(self, journal: Journal) -> list[Job]:
        """Report what needs no work, or may not be done; return the rest."""
        todo: list[Job] = []
        plan, rules = self._plan, self._settings.rules
        for job in plan.jobs:
            result = settled(plan, job, journal.find(job), self._fingerprints[job], rules)
            if result is None:
                todo.append(job)
            else:
                self._report(result)
        return todo

    def _work(self, jobs: list[Job], journal: Journal) -> None:
        settings, upscaler, began = self._settings, self._settings.open(), time.time()
        runtime = upscaler.choice.runtime
        self._summary.runtimes.append(Used(runtime.name, runtime.precision))
        self._reporter.opened(upscaler, len(jobs))
        journal.claim({job: self._fingerprints[job] for job in jobs})
        pipeline = Pipeline(
            upscaler,
            memory=settings.memory_limit,
            encoding=settings.encoding,
            timeout=settings.timeout,
            log=self._reporter.note,
        )
        try:
            with upscaler.upgrading(self._moved, self._reporter.note), pipeline:
                for outcome in pipeline.run(jobs):
                    _record(journal, outcome)
                    self._report(_result(outcome))
            self._summary.profile = pipeline.watch.read()
        finally:
            for outcome in pipeline.leftovers():  # an interrupt must not forget what was done
                _record(journal, outcome)
            journal.record_run(self._as_record(began, pipeline.watch.read().elapsed))
            sync_folders(job.target.parent for job in jobs)

    def _as_record(self, began: float, seconds: float) -> RunRecord:
        used, counts = self._summary.runtimes[-1], self._summary.counts
        return RunRecord(
            began=began,
            model=self._model.title,
            model_sha256=self._model.sha256,
            runtime=f"{used.runtime} in {used.precision}",
            done=counts[Status.DONE],
            failed=counts[Status.FAILED],
            pixels=self._summary.pixels,
            seconds=seconds,
        )


def _record(journal: Journal, outcome: Outcome) -> None:
    if outcome.error is None:
        journal.done(outcome.job, outcome.seconds)
    elif outcome.lasting:
        journal.failed(outcome.job, outcome.error, outcome.seconds)
    else:
        journal.release(outcome.job, outcome.error)


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
