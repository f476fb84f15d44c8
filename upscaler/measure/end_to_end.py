"""A whole run over a folder, measured beside the least that its work could take.

That limit is the work of the stages, each done alone on one core, spread over all cores. What a
run takes beyond it is waiting, starting threads, and cores getting in each other's way.
"""

import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from upscaler.batch.folder import Listener
from upscaler.batch.plan.jobs import Job, plan
from upscaler.batch.report import Status, Summary
from upscaler.batch.run.batch import Batch
from upscaler.batch.run.settings import Settings
from upscaler.errors import UsageError
from upscaler.hardware.cpu import cores
from upscaler.hardware.system import peak_memory_bytes
from upscaler.images import open_picture, save_picture
from upscaler.inference.timing import Stopwatch
from upscaler.upscaler import Upscaler

_FORMAT = "png"


@dataclass(frozen=True)
class WholeRun:
    """What running a folder took; medians over the rounds."""

    model: str
    runtime: str
    precision: str
    files: int
    mp_per_s: float
    """Megapixels of output a second, start-up apart."""
    files_per_s: float
    seconds: float
    limit_seconds: float
    ratio: float
    """Of `seconds` to `limit_seconds`; 1 would be perfect."""
    spread: float
    """Largest difference between rounds, as a part of `seconds`."""
    shares: dict[str, float]
    """The part of the work that each stage is."""
    peak_memory_mb: float
    advice: str


def end_to_end(folder: Path, settings: Settings, rounds: int) -> WholeRun:
    """Run a folder into a scratch one, PNG out, `rounds` times.

    Raises:
        UsageError: there are no pictures in it, or some cannot be upscaled.
    """
    runs: list[Summary] = []
    with tempfile.TemporaryDirectory(prefix="upscaler-") as scratch:
        limit = _limit(folder, settings, Path(scratch))
        for number in range(rounds):
            planned = plan(folder, Path(scratch) / f"out-{number}", _FORMAT)
            runs.append(Batch(planned, settings, Listener()).run())
            if runs[-1].exit_code:
                raise UsageError(f"not every picture of {folder} can be upscaled; try `run` on it")
    profiles = [run.profile for run in runs if run.profile is not None]
    if not profiles:
        raise UsageError(f"no images in {folder} to measure a run on")
    times = [profile.elapsed for profile in profiles]
    seconds, files = statistics.median(times), runs[0].counts[Status.DONE]
    used = runs[-1].runtimes[-1]
    return WholeRun(
        model=f"{settings.model}-x{settings.scale:g}",
        runtime=used.runtime,
        precision=used.precision,
        files=files,
        mp_per_s=round(runs[0].pixels / 1e6 / seconds, 2),
        files_per_s=round(files / seconds, 2),
        seconds=round(seconds, 3),
        limit_seconds=round(limit, 3),
        ratio=round(seconds / limit, 3),
        spread=round((max(times) - min(times)) / seconds, 3),
        shares={name: round(share, 3) for name, share in profiles[-1].shares.items()},
        peak_memory_mb=round(peak_memory_bytes() / 1e6),
        advice=profiles[-1].advice,
    )


def _limit(folder: Path, settings: Settings, scratch: Path) -> float:
    """Return the seconds that the work takes on one core, divided by the cores."""
    jobs = plan(folder, scratch / "alone", _FORMAT).jobs
    watch = Stopwatch()
    with replace(settings, streams=1).open() as upscaler:
        for job in jobs[:1]:  # warms up
            _do(job, upscaler, settings, Stopwatch())
        for job in jobs:
            _do(job, upscaler, settings, watch)
    return sum(watch.read().seconds.values()) / cores()


def _do(job: Job, upscaler: Upscaler, settings: Settings, watch: Stopwatch) -> None:
    """Do one job, stage after stage."""
    with watch.stage("read"):
        picture = open_picture(job.source, settings.max_pixels)
    work = upscaler.begin(picture, watch)
    for tile in work.tiles:
        tile()
    with watch.stage("write"):
        save_picture(work.finish(), job.target, job.format, settings.encoding)
