"""What a run would do, found out without doing or changing anything."""

import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from upscaler.batch.not_read import NotRead
from upscaler.batch.plan.jobs import Plan, refuse_too_long
from upscaler.batch.report import SCHEMA, Result, Status, nothing_readable
from upscaler.batch.run.memory import bytes_needed, goes_in_strips
from upscaler.batch.run.settings import Settings
from upscaler.batch.state.entries import RunRecord
from upscaler.batch.state.journal import read_journal
from upscaler.batch.state.resume import judge, other_settings
from upscaler.errors import ImageError, StartError, UsageError
from upscaler.images import Format, PictureSize, upright_size


class Expected(StrEnum):
    """What would become of a file."""

    TO_DO = "to-do"
    SKIPPED = "skipped"
    KEPT = "kept"
    OTHER = "other-settings"
    """Done with other settings than these; a run ends there, unless it is to overwrite them."""
    LARGE_ENOUGH = "large-enough"
    FAILED = "failed"
    FAILED_BEFORE = "failed-before"


@dataclass(frozen=True)
class Forecast:
    """What would become of one file."""

    name: str
    expected: Expected
    target: str | None = None
    size: tuple[int, int] | None = None
    """Width and height of the output in pixels."""
    error: str | None = None
    made_with: str | None = None
    """What is different in the settings that made the output, where they are other ones."""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON Lines record."""
        width, height = self.size or (None, None)
        facts = {
            "name": self.name,
            "expected": str(self.expected),
            "target": self.target,
            "width": width,
            "height": height,
            "error": self.error,
            "made_with": self.made_with,
        }
        return {"event": "plan", **{key: value for key, value in facts.items() if value}}


@dataclass(frozen=True)
class DryRun:
    """What a run would do."""

    model: str
    files: list[Forecast]
    pixels: int
    """Of the outputs to be made."""
    memory: int
    """Bytes of pictures that are in memory at one time, at most; the program itself not counted."""
    disk: int
    """Bytes that the outputs to be made need, about."""
    disk_free: int
    """Bytes that there are for them."""
    ignored: int
    not_read: NotRead
    left_out: int
    unmatched: str
    """Which patterns choose nothing, in a line; empty if there are none."""
    other_settings: str
    """What keeps the run from its work: outputs made with other settings; nothing if none are."""
    last_run: RunRecord | None
    """With the same model into the same folder: how fast it went."""

    @property
    def seconds(self) -> float | None:
        """How long it takes at the speed of the last run, None if there was none."""
        if self.last_run is None or not self.last_run.pixels:
            return None
        return self.pixels / self.last_run.pixels * self.last_run.seconds

    def count(self, expected: Expected) -> int:
        """Return how many files would end so."""
        return sum(file.expected is expected for file in self.files)

    @property
    def exit_code(self) -> int:
        """What the run would return, as far as can be seen."""
        if nothing_readable(len(self.files), self.left_out, self.not_read):
            return StartError.exit_code
        if self.other_settings:
            return UsageError.exit_code
        return int(bool(self.count(Expected.FAILED) or self.count(Expected.FAILED_BEFORE)))

    def as_json(self) -> dict[str, Any]:
        """Return the last JSON Lines record."""
        return {
            "event": "plan-summary",
            "schema": SCHEMA,
            "model": self.model,
            "planned": len(self.files),
            **{str(expected): self.count(expected) for expected in Expected},
            "ignored": self.ignored,
            **self.not_read.as_json(),
            "left_out": self.left_out,
            "megapixels": round(self.pixels / 1e6, 3),
            "memory_bytes": self.memory,
            "disk_bytes": self.disk,
            "disk_free_bytes": self.disk_free,
            "seconds": None if self.seconds is None else round(self.seconds, 1),
        }


def forecast(plan: Plan, settings: Settings) -> DryRun:
    """Say what a run over `plan` would do; reads the journal and the headers of what is to do.

    Raises:
        StartError: the model is not there, or the journal cannot be read.
    """
    model = settings.find_model()
    files = [Forecast(name, Expected.FAILED, error=reason) for name, reason in plan.refused.items()]
    in_strips = settings.wanted.is_scale(model.spec.scale) and not settings.wrap
    needed: list[int] = []
    others: list[tuple[str, str]] = []
    outputs, disk = 0, 0.0
    with read_journal(plan.root) as journal:
        keys = {job: settings.key(model, job.format) for job in plan.jobs}
        for job, _, verdict in judge(plan, journal, keys, settings.rules, settings.leaves_out):
            if verdict.result is not None:
                files.append(_as_forecast(verdict.result))
                continue
            if verdict.other is not None:
                others.append(verdict.other)
                target, made_with = str(job.target), verdict.other[0]
                files.append(Forecast(job.name, Expected.OTHER, target, made_with=made_with))
                continue
            try:
                size = upright_size(job.source, settings.max_pixels)
                network = settings.wanted.network(model, size.width, size.height)
                scale = network.spec.scale if network else 1
                width, height = settings.wanted.within(scale, size.width, size.height)
                refuse_too_long(job, (width, height))
            except ImageError as error:
                files.append(Forecast(job.name, Expected.FAILED, error=str(error)))
                continue
            strips = in_strips and goes_in_strips(size, scale, job.format)
            most = network.largest_scale if network and not strips else scale
            resampled = not settings.wanted.is_scale(most)
            needed.append(bytes_needed(size, most, resampled=resampled, strips=strips))
            pixels = width * height * size.frames
            outputs += pixels
            disk += pixels * _bytes_a_pixel(job.format, size)
            files.append(
                Forecast(job.name, Expected.TO_DO, target=str(job.target), size=(width, height))
            )
        last_run = journal.last_run(model.sha256)
    return DryRun(
        model=model.title,
        files=files,
        pixels=outputs,
        memory=max(min(sum(needed), settings.memory_limit), max(needed, default=0)),
        disk=round(disk),
        disk_free=_free_for(plan),
        ignored=plan.ignored,
        not_read=plan.not_read,
        left_out=plan.left_out,
        unmatched=plan.unmatched,
        other_settings=other_settings(others),
        last_run=last_run,
    )


def _bytes_a_pixel(kind: Format, size: PictureSize) -> float:
    return kind.bytes_a_pixel * (2 if size.sixteen_bit and kind.sixteen_bit else 1)


def _free_for(plan: Plan) -> int:
    """Return how many bytes are free where the outputs go."""
    output = plan.root or (plan.jobs[0].target if plan.jobs else Path())
    folders = (output, *output.absolute().parents)
    return shutil.disk_usage(next(folder for folder in folders if folder.is_dir())).free


def _as_forecast(result: Result) -> Forecast:
    expected = {
        Status.SKIPPED: Expected.SKIPPED,
        Status.KEPT: Expected.KEPT,
        Status.LARGE_ENOUGH: Expected.LARGE_ENOUGH,
        Status.FAILED: Expected.FAILED,
        Status.FAILED_BEFORE: Expected.FAILED_BEFORE,
    }[result.status]
    return Forecast(result.name, expected, target=result.target, error=result.error)
