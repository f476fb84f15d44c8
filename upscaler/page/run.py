"""The page of a run that has just ended."""

from pathlib import Path

from upscaler.batch.plan.jobs import Job, Plan
from upscaler.batch.report import Summary, duration
from upscaler.batch.state.outputs import Output
from upscaler.page.comparison import Comparison, Row, Version
from upscaler.page.folders import known_outputs, version_of


def comparison_of(plan: Plan, summary: Summary) -> Comparison:
    """Return what a run made of what; what failed, with the reason."""
    known = known_outputs(plan.root)
    rows = [Row(name, (None, None), reason) for name, reason in plan.refused.items()]
    for job in plan.jobs:
        found = known.get(job.target.relative_to(plan.root).as_posix()) if plan.root else None
        problem = summary.errors.get(job.name, "")
        made = None if problem else _made(job, found, summary)
        if made or problem:  # neither: it was large enough already
            rows.append(Row(job.name, (Version(job.source), made), problem))
    words = [f"{used.runtime} in {used.precision}" for used in summary.runtimes[-1:]]
    title = f"{plan.root.absolute().name if plan.root else plan.jobs[0].target.name}"
    return Comparison(title, ("before", "after"), rows, [summary.model, *words, str(summary)])


def _made(job: Job, found: Output | None, summary: Summary) -> Version | None:
    if not job.target.is_file():
        return None
    if found is not None:
        return version_of(job.target, found)
    damage = summary.restorations.get(job.name)
    facts = [("model", summary.model), *([("damage", str(damage))] if damage else [])]
    return Version(Path(job.target), (*facts, ("time", duration(summary.seconds))))
