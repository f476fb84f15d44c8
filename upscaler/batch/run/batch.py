"""One batch, from its plan to its summary: skip what is done, do the rest, remember it."""

import time
from contextlib import suppress
from itertools import chain

from upscaler.batch.plan.jobs import Job, Plan
from upscaler.batch.report import Result, Status, Summary, Used
from upscaler.batch.run.clock import too_long
from upscaler.batch.run.pipeline import Pipeline
from upscaler.batch.run.relay import Relay, ToDo, so_far
from upscaler.batch.run.reporter import Reporter
from upscaler.batch.run.running_job import JobResult
from upscaler.batch.run.settings import Settings
from upscaler.batch.run.workload import Workload
from upscaler.batch.state.entries import RunRecord, State
from upscaler.batch.state.journal import Journal, open_journal
from upscaler.batch.state.resume import judge, refuse_other_settings
from upscaler.images import sweep, sync_folders
from upscaler.inference.timing import Profile, Stopwatch
from upscaler.runtimes import Runtime
from upscaler.supervisor.line import NOBODY, Witness
from upscaler.upscaler import Upscaler

_PATIENCE, _LEAST_PATIENCE = 300.0, 10.0
"""Seconds for which one call may hold Python's lock: without a timeout, and with a short one."""


class Batch:
    """One run over a plan.

    Args:
        witness: the supervisor, in whose hand-over there is what a process that died did of it.

    Raises:
        StartError: the model is not there.
    """

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        reporter: Reporter,
        witness: Witness = NOBODY,
    ) -> None:
        self._plan, self._settings, self._reporter = plan, settings, reporter
        self._witness, self._relay = witness, Relay(witness.handover)
        self._model = settings.find_model()
        kinds = {job.format.name: job.format for job in plan.jobs}
        by_format = {name: settings.key(self._model, k) for name, k in kinds.items()}
        self._keys = {job: by_format[job.format.name] for job in plan.jobs}
        self._summary = Summary(
            model=self._model.title,
            planned=plan.size,
            ignored=plan.ignored,
            not_read=plan.not_read,
            left_out=plan.left_out,
            output=plan.root,
        )
        self._relay.restore(self._summary)

    def run(self) -> Summary:
        """Bring every job of the plan to its end.

        Raises:
            StartError: the output folder or the runtime is not usable.
            UsageError: outputs were made with other settings, and nobody said to overwrite them.
        """
        handover = self._witness.handover
        began = time.monotonic() - (time.time() - self._relay.began)
        if not self._relay.is_first:
            self._reporter.note(handover.note)
        for name, reason in self._plan.refused.items():
            self._settle(Result(name, Status.FAILED, error=reason))
        if self._plan.jobs:
            plan, holder = self._plan, self._witness.supervisor
            with open_journal(plan.root, plan.shard, holder, self._reporter.note) as journal:
                todo = self._remaining(journal)
                alone = plan.root is not None and plan.shard is None
                for folder in {job.target.parent for job in plan.jobs}:
                    sweep(folder, alone=alone)
                try:
                    if handover.not_tried:
                        for job, _ in todo:
                            self._report(Result(job.name, Status.FAILED, error=handover.not_tried))
                    elif todo:
                        with self._settings.open() as upscaler:
                            self._work(upscaler, todo, journal)
                finally:
                    if self._summary.profile:
                        journal.record_run(self._as_record(self._summary.profile))
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

    def _settle(self, result: Result) -> None:
        """Count what needs no work; the first process of a run reports it, too."""
        if self._relay.is_first:
            self._report(result)
        else:
            self._summary.add(result)

    def _remaining(self, journal: Journal) -> ToDo:
        """Report what needs no work, or may not be done; return the rest."""
        todo: list[tuple[Job, float]] = []
        failed, rules = self._witness.handover.failed, self._settings.rules
        judged = list(judge(self._plan, journal, self._keys, rules, self._settings.leaves_out))
        refuse_other_settings(verdict for _, _, verdict in judged)
        for job, entry, verdict in judged:
            if job.name in failed:
                reason, lasting = failed[job.name]
                self._end(journal, JobResult(job, error=reason, lasting=lasting))
                continue
            if verdict.renewed:
                journal.renew(job, verdict.renewed)
            result = None
            if not self._relay.is_unreported(job):
                result = self._relay.ended(job, entry) or verdict.result
            if result is not None:
                self._settle(result)
                continue
            if verdict.moved_on:
                with suppress(OSError):  # or it would stay there if this job fails
                    job.target.unlink()
            if rules.overwrite and entry and entry.state is State.DONE:
                journal.make_again(job)
            begun = entry.updated if entry and entry.state is State.BEGUN else 0.0
            todo.append((job, begun))
        return todo

    def _work(self, upscaler: Upscaler, todo: ToDo, journal: Journal) -> None:
        settings, runtime = self._settings, upscaler.choice.runtime
        if not self._summary.runtimes:
            self._summary.runtimes.append(Used(runtime.name, runtime.precision))
        workload = Workload((job for job, _ in todo), settings.max_pixels)
        self._reporter.opened(upscaler, workload)
        first, last = self._relay.in_order(todo)
        reason = too_long(settings.timeout) if settings.timeout else ""
        self._witness.working(max(settings.timeout or _PATIENCE, _LEAST_PATIENCE), reason)
        self._witness.suspect(job.name for job in last)
        pipeline = Pipeline(
            upscaler,
            memory=settings.memory_limit,
            encoding=settings.encoding,
            max_pixels=settings.max_pixels,
            timeout=settings.timeout,
            log=self._reporter.note,
            begin=lambda jobs: journal.claim({job: self._keys[job] for job in jobs}),
            witness=self._witness,
            watch=Stopwatch(self._relay.profile),
            workload=workload,
            tick=self._reporter.tick,
        )
        try:
            with upscaler.upgrading(self._moved, self._reporter.note), pipeline:
                parts = [first, *([job] for job in last)]
                for ended in chain.from_iterable(map(pipeline.run, parts)):
                    self._end(journal, ended)
                    done, facts = ended.error is None, so_far(self._summary, pipeline.watch.read())
                    self._witness.ended(ended.job.name, done, facts)
        finally:
            for ended in pipeline.leftovers():  # an interrupt must not forget what was done
                _record(journal, ended)
            journal.unclaim(pipeline.untouched.values())
            self._summary.profile = pipeline.watch.read()
            sync_folders(job.target.parent for job, _ in todo)

    def _end(self, journal: Journal, ended: JobResult) -> None:
        _record(journal, ended)
        if ended.output is not None:
            self._summary.bytes += ended.output.size
        self._report(ended.as_result())

    def _as_record(self, profile: Profile) -> RunRecord:
        used, counts = self._summary.runtimes[-1], self._summary.counts
        return RunRecord(
            began=self._relay.began,
            model=self._model.title,
            model_sha256=self._model.sha256,
            runtime=f"{used.runtime} in {used.precision}",
            done=counts[Status.DONE],
            failed=counts[Status.FAILED],
            pixels=self._summary.pixels,
            seconds=profile.elapsed,
        )


def _record(journal: Journal, ended: JobResult) -> None:
    if ended.error is None:
        assert ended.output is not None
        decided = str(ended.restoration or "")
        facts = (ended.output, ended.input_sha256, ended.seconds, decided, ended.warnings)
        journal.done(ended.job, *facts)
    elif ended.lasting:
        journal.failed(ended.job, ended.error, ended.seconds)
    else:
        journal.release(ended.job, ended.error)
