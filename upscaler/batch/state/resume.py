"""Which jobs need no work, and which must not be done."""

from dataclasses import dataclass

from upscaler.batch.plan.jobs import Job, Plan
from upscaler.batch.report import Result, Status
from upscaler.batch.state.file_stamp import file_sha256, file_stamp
from upscaler.batch.state.journal import JournalEntry, SettingsKey, State


@dataclass(frozen=True)
class Rules:
    """What is done again although it is done or failed."""

    overwrite: bool = False
    """Everything, whatever stands in the output folder."""
    retry_failed: bool = False
    """What failed by its own fault."""
    verify: bool = False
    """What has other contents than it had, also where size and time are the same."""


def settled(
    plan: Plan, job: Job, entry: JournalEntry | None, key: SettingsKey, rules: Rules
) -> Result | None:
    """Return the result of a job of a plan that no work can or should change, None for the others.

    Nothing is decoded for it: sizes and times are compared, with `rules.verify` contents too.
    """
    if rules.overwrite:
        return None
    there = file_stamp(job.target)
    if entry is not None and _is_current(job, entry, key, rules):
        if entry.state is State.FAILED and not rules.retry_failed:
            return Result(job.name, Status.FAILED_BEFORE, error=entry.reason)
        same = there is not None and there == entry.output
        if entry.state is State.DONE and same and _has_output(job, entry, rules):
            return Result(job.name, Status.SKIPPED, str(job.target))
    reason = _in_the_way(plan, job, entry) if there else ""
    return _refused(job, reason) if reason else None


def has_moved_on(plan: Plan, job: Job, entry: JournalEntry) -> bool:
    """Whether what stands at a job's target is another input's, which is called otherwise today.

    That one is made again under its new name, so nothing is lost where the old file goes.
    """
    unchanged = entry.output == file_stamp(job.target)
    return not entry.is_of(job.source) and unchanged and plan.has_input(entry.source)


def _is_current(job: Job, entry: JournalEntry, key: SettingsKey, rules: Rules) -> bool:
    return (
        entry.settings == key.settings
        and entry.input == file_stamp(job.source)
        and entry.is_of(job.source)
        and not (
            rules.verify
            and entry.state is State.DONE
            and entry.input_sha256 != file_sha256(job.source)
        )
    )


def _has_output(job: Job, entry: JournalEntry, rules: Rules) -> bool:
    return not rules.verify or entry.output_sha256 == file_sha256(job.target)


def _in_the_way(plan: Plan, job: Job, entry: JournalEntry | None) -> str:
    """Return why the file that stands at a job's target may not be replaced, empty if it may."""
    if entry is None:
        return "exists already"
    if not entry.is_of(job.source):
        return "" if has_moved_on(plan, job, entry) else f"was made from {entry.source}"
    unchanged = entry.output == file_stamp(job.target)
    # what we made is ours to make again, also if it was changed since; so is what a killed
    # run may have left. Where nothing was made, the file is somebody else's
    made_here = entry.output is not None and entry.state is not State.FAILED
    ours = entry.state is State.BEGUN or made_here or unchanged
    return "" if ours else "exists already"


def _refused(job: Job, reason: str) -> Result:
    error = f"{job.target} {reason}; move it, use another output, or --overwrite to replace it"
    return Result(job.name, Status.FAILED, error=error)
