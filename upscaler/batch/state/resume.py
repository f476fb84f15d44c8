"""Which jobs need no work, and which must not be done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

from upscaler.batch.plan.jobs import Job, Plan
from upscaler.batch.report import Result, Status
from upscaler.batch.state.file_stamp import FileStamp, Stamps, file_sha256, file_stamp
from upscaler.batch.state.journal import Journal, JournalEntry, SettingsKey, State
from upscaler.hardware.cpu import cores

_AT_ONCE = 16
"""Jobs that a thread takes at one time."""


@dataclass(frozen=True)
class Rules:
    """What is done again although it is done or failed."""

    overwrite: bool = False
    """Everything, whatever stands in the output folder."""
    retry_failed: bool = False
    """What failed by its own fault."""
    verify: bool = False
    """What has other contents than it had, also where size and time are the same."""


@dataclass(frozen=True)
class Verdict:
    """What is known of a job before any work."""

    result: Result | None = None
    """How it ends without work; None if there is work to do."""
    renewed: Stamps | None = None
    """Stamps that the journal does not know yet, of files that hold what they held."""
    moved_on: bool = False
    """Whether what stands at its target is another input's, which is called otherwise today.

    That one is made again under its new name, so nothing is lost where the old file goes.
    """


def judge(
    plan: Plan, journal: Journal, keys: Mapping[Job, SettingsKey], rules: Rules
) -> Iterator[tuple[Job, JournalEntry | None, Verdict]]:
    """Yield each job of a plan in its order, what the journal says of it, and what follows.

    Nothing is decoded: sizes and times are compared. Where only the time is new, and everywhere
    with `rules.verify`, contents are compared too, by several threads.
    """
    known = [(job, journal.find(job)) for job in plan.jobs]

    def settle(pair: tuple[Job, JournalEntry | None]) -> Verdict:
        job, entry = pair
        return _settled(plan, job, entry, keys[job], rules)

    with ThreadPool(cores()) as threads:
        for (job, entry), verdict in zip(known, threads.imap(settle, known, _AT_ONCE), strict=True):
            yield job, entry, verdict


class _File:
    """A file as it is now."""

    def __init__(self, path: Path) -> None:
        self.path, self.stamp = path, file_stamp(path)

    def holds(self, stamp: FileStamp | None, sha256: str, *, verify: bool) -> bool:
        """Whether it holds what it held when it had a stamp; equal size and time are enough."""
        if self.stamp == stamp and not (verify and sha256):
            return True
        return self.has_contents(stamp, sha256)

    def has_contents(self, stamp: FileStamp | None, sha256: str) -> bool:
        """Whether it has these contents, which are known; read only if the size is right."""
        same_size = self.stamp and stamp and self.stamp.size == stamp.size
        return bool(same_size and sha256) and file_sha256(self.path) == sha256


def _settled(
    plan: Plan, job: Job, entry: JournalEntry | None, key: SettingsKey, rules: Rules
) -> Verdict:
    if rules.overwrite:
        return Verdict()
    source, target = _File(job.source), _File(job.target)
    if entry is None:
        return _refused(job, "exists already") if target.stamp else Verdict()
    known = entry.is_of(job.source)
    ours = known or source.has_contents(entry.input, entry.input_sha256)
    unchanged = target.holds(entry.output, entry.output_sha256, verify=rules.verify)
    same_input = ours and source.holds(entry.input, entry.input_sha256, verify=rules.verify)
    if same_input and entry.settings == key.settings:
        if entry.state is State.FAILED and not rules.retry_failed:
            return Verdict(Result(job.name, Status.FAILED_BEFORE, error=entry.reason))
        if entry.state is State.DONE and unchanged and source.stamp and target.stamp:
            now = Stamps(source.stamp, target.stamp)
            same = known and now == (entry.input, entry.output)
            done = Result(job.name, Status.SKIPPED, str(job.target))
            return Verdict(done, None if same else now)
    if target.stamp is None:
        return Verdict()
    return _over(plan, job, entry, ours=ours, unchanged=unchanged)


def _over(plan: Plan, job: Job, entry: JournalEntry, *, ours: bool, unchanged: bool) -> Verdict:
    """Decide whether what stands at a job's target may be replaced."""
    if not ours:
        if unchanged and plan.has_input(entry.source):
            return Verdict(moved_on=True)
        return _refused(job, f"was made from {entry.source}")
    # what a killed run may have left is ours to make again
    if unchanged or entry.state is State.BEGUN:
        return Verdict()
    if entry.output is None:  # nothing was made here: it is somebody else's
        return _refused(job, "exists already")
    return Verdict(Result(job.name, Status.KEPT, str(job.target)))


def _refused(job: Job, reason: str) -> Verdict:
    error = f"{job.target} {reason}; move it, use another output, or --overwrite to replace it"
    return Verdict(Result(job.name, Status.FAILED, error=error))
