"""Which jobs need no work, and which must not be done."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

from upscaler.batch.plan.jobs import Job, Plan
from upscaler.batch.report import Result, Status
from upscaler.batch.state.entries import JournalEntry, State
from upscaler.batch.state.file_stamp import FileStamp, Stamps, file_sha256, file_stamp
from upscaler.batch.state.journal import Journal
from upscaler.batch.state.settings_key import SettingsKey
from upscaler.errors import UsageError
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
    other: tuple[str, str] | None = None
    """Where it is done with other settings: in a few words what they were, and what they are now.

    The output is good, so nothing is done until somebody says so.
    """


def judge(
    plan: Plan,
    journal: Journal,
    keys: Mapping[Job, SettingsKey],
    rules: Rules,
    leaves_out: Callable[[Job], bool] = lambda job: False,
) -> Iterator[tuple[Job, JournalEntry | None, Verdict]]:
    """Yield each job of a plan in its order, what the journal says of it, and what follows.

    Nothing is decoded: sizes and times are compared. Where only the time is new, and everywhere
    with `rules.verify`, contents are compared too, by several threads.

    Args:
        leaves_out: whether there is nothing to do for a job that would be done.
    """
    known = [(job, journal.find(job)) for job in plan.jobs]

    def settle(pair: tuple[Job, JournalEntry | None]) -> Verdict:
        job, entry = pair
        found = Verdict() if rules.overwrite else _settled(plan, job, entry, keys[job], rules)
        if found.result is None and found.other is None and leaves_out(job):
            return Verdict(Result(job.name, Status.LARGE_ENOUGH))
        return found

    with ThreadPool(cores()) as threads:
        for (job, entry), verdict in zip(known, threads.imap(settle, known, _AT_ONCE), strict=True):
            yield job, entry, verdict


def refuse_other_settings(verdicts: Iterable[Verdict]) -> None:
    """Refuse a run that would make again, with other settings, what is done.

    Raises:
        UsageError: there is such a job.
    """
    if line := other_settings([verdict.other for verdict in verdicts if verdict.other]):
        raise UsageError(line)


def other_settings(others: Sequence[tuple[str, str]]) -> str:
    """Return in a line how many outputs were made with which other settings; nothing for none."""
    if not others:
        return ""
    now = " and ".join(sorted({now for _, now in others}))
    parts = [
        f"{count} output{'s' * (count != 1)} {'was' if count == 1 else 'were'} made with {then}"
        for then, count in Counter(then for then, _ in others).most_common()
    ]
    them = "it" if len(others) == 1 else "them"
    return (
        f"{', '.join(parts)}; --overwrite makes {them} again with {now}, "
        f"and another output folder keeps both"
    )


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
    source, target = _File(job.source), _File(job.target)
    if entry is None:
        return _refused(job, "exists already") if target.stamp else Verdict()
    known = entry.is_of(job.source)
    ours = known or source.has_contents(entry.input, entry.input_sha256)
    unchanged = target.holds(entry.output, entry.output_sha256, verify=rules.verify)
    same_input = ours and source.holds(entry.input, entry.input_sha256, verify=rules.verify)
    same_settings = key.agrees(entry.settings)
    if same_input and same_settings and entry.state is State.FAILED and not rules.retry_failed:
        return Verdict(Result(job.name, Status.FAILED_BEFORE, error=entry.reason))
    stamps = source.stamp and target.stamp and Stamps(source.stamp, target.stamp)
    if same_input and unchanged and stamps and entry.state is State.DONE:
        if not same_settings:
            return Verdict(other=key.compared(entry.settings))
        same = known and stamps == (entry.input, entry.output)
        return Verdict(Result(job.name, Status.SKIPPED, str(job.target)), None if same else stamps)
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
