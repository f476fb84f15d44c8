"""From an input folder to a list of jobs, in an order that never depends on timing."""

import stat
from dataclasses import dataclass, field
from pathlib import Path

from upscaler.batch.not_read import NotRead
from upscaler.batch.plan.listing import EVERYTHING, Selection, Shard, list_images
from upscaler.batch.plan.output_names import name_outputs, target_name
from upscaler.errors import ImageError, StartError, UsageError
from upscaler.hardware import system
from upscaler.images import FORMATS, Format, format_of, is_image_name, kept_format

KEEP = "keep"

_Identity = tuple[int, int]
"""The device and inode of a file."""


@dataclass(frozen=True)
class Job:
    """One input file and the output file that it becomes."""

    source: Path
    target: Path
    name: str
    """The path below the input folder, with forward slashes: how the job is called."""
    format: Format


@dataclass(frozen=True)
class Plan:
    """Everything a run is about to do."""

    root: Path | None
    """The output folder; None for a single output file, whose folder belongs to others."""
    jobs: list[Job]
    shard: Shard | None = None
    not_read: NotRead = field(default_factory=NotRead)
    passed_over: dict[str, str] = field(default_factory=dict)
    """Pipes, sockets, devices and links to folders, with what each is."""
    left_out: int = 0
    """Images that were not chosen."""
    unmatched: str = ""
    """Which patterns choose nothing, in a line; empty if there are none."""
    refused: dict[str, str] = field(default_factory=dict)
    """What fails before it begins, with the reason of each: folders that could not be listed,
    names that the output's file system does not take."""
    inputs: frozenset[_Identity] = frozenset()
    """All images of the input folder, chosen or not."""

    def has_input(self, path: Path) -> bool:
        """Whether a file is an image of the input folder, so that it has an output of its own."""
        return _identity(path) in self.inputs

    @property
    def ignored(self) -> int:
        """How many files of the input folder take no part: not read, or passed over."""
        return self.not_read.files + len(self.passed_over)

    @property
    def size(self) -> int:
        """How many results a run has: one for each job, and one for each that is refused."""
        return len(self.jobs) + len(self.refused)


def plan(
    source: Path,
    output: Path,
    format_name: str,
    selection: Selection = EVERYTHING,
    *,
    suffix: str | None = None,
) -> Plan:
    """List the jobs that bring `source`, a file or a folder, to `output`.

    Args:
        format_name: a name of FORMATS, or `keep` for each file's own.
        selection: which images of a folder.
        suffix: what the outputs' names get before the extension; None if nobody asked for one.

    Raises:
        UsageError: the input is missing, the output is the input, would replace an input, or has
            the name of a file that cannot be written.
        StartError: the input cannot be reached or read.
    """
    if suffix and (Path(f"a{suffix}").name != f"a{suffix}" or "\0" in suffix):
        raise UsageError(f"the suffix {suffix!r} is no part of a file's name")
    try:
        mode = source.stat().st_mode
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise UsageError(f"the input {source} is neither a file nor a folder")
        if output.exists() and output.samefile(source):
            raise UsageError(f"the output is the input ({source}); give another output")
        if stat.S_ISDIR(mode):
            return _plan_folder(source, output, format_name, selection, suffix or "")
        if selection:
            raise UsageError(
                f"--include, --exclude and --shard choose from a folder, and {source} is a file"
            )
        planned = _plan_file(source, output, format_name, suffix)
        refuse_to_replace_inputs(planned.jobs)
        return planned
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"the input {source} does not exist; check the path") from None
    except OSError as error:
        raise StartError(f"cannot reach {error.filename}: {error.strerror}") from None


def _plan_file(source: Path, output: Path, format_name: str, suffix: str | None) -> Plan:
    """One file, whatever it is called, into a folder or to a file name of its own."""
    by_name = None if output.is_dir() else format_of(output)
    if by_name is None:
        if not output.is_dir() and looks_like_a_file(output):
            raise UsageError(
                f"cannot write {output.name}; formats: {', '.join(FORMATS)}. "
                f"If a folder is meant, make it first"
            )
        wanted = wanted_format(source, format_name) or FORMATS["png"]
        target = output / target_name(Path(source.name), wanted, suffix or "")
        return Plan(root=output, jobs=[Job(source, target, source.name, wanted)])
    if format_name not in (KEEP, by_name.name):
        raise UsageError(
            f"--format {format_name} does not fit the output {output.name}; change one of them"
        )
    if suffix is not None:
        raise UsageError(f"--suffix is for outputs in a folder, and {output} is a file's name")
    return Plan(root=None, jobs=[Job(source, output, source.name, by_name)])


def _plan_folder(
    source: Path, output: Path, format_name: str, selection: Selection, suffix: str
) -> Plan:
    if output.exists() and not output.is_dir():
        raise UsageError(f"the output {output} is a file, but the input is a folder")
    if not output.exists() and is_image_name(output):
        raise UsageError(
            f"the output {output} has the name of a file, but the input is a folder; "
            f"give a folder, or make it first if it shall be called so"
        )
    found = list_images(source, output)
    if str(source) in found.unreadable:
        raise StartError(f"cannot read the folder {source}: {found.unreadable[str(source)]}")
    kinds = {file: kind for file in found.files if (kind := wanted_format(file, format_name))}
    names = name_outputs(kinds, suffix)
    jobs = [
        Job(source / file, output / target, file.as_posix(), kinds[file])
        for file, target in names.items()
    ]
    inputs = refuse_to_replace_inputs(jobs)
    chosen = [job for file, job in zip(kinds, jobs, strict=True) if selection.takes(file)]
    refused = _refused_names(chosen, output)
    unlisted = {
        folder: f"cannot read the folder: {reason}" for folder, reason in found.unreadable.items()
    }
    return Plan(
        root=output,
        jobs=[job for job in chosen if job.name not in refused],
        shard=selection.shard,
        not_read=found.not_read,
        passed_over=found.passed_over,
        left_out=len(jobs) - len(chosen),
        unmatched=selection.unmatched(kinds.keys()),
        refused=unlisted | refused,
        inputs=inputs,
    )


def looks_like_a_file(path: Path) -> bool:
    """Whether a name ends as those of files do; `v1.5` and `photos.2024` do not."""
    return is_image_name(path) or path.suffix[1:2].isalpha()


def wanted_format(path: Path, format_name: str) -> Format | None:
    """Return the format of an input's output, None if its name is not of an image to keep as."""
    return kept_format(path) if format_name == KEEP else FORMATS[format_name]


def _refused_names(jobs: list[Job], output: Path) -> dict[str, str]:
    """Return why names that the output's file system does not take are refused, by job."""
    refused = system.refused_names((job.target for job in jobs), output)
    return {
        job.name: f"its output's name {refused[job.target]}"
        for job in jobs
        if job.target in refused
    }


def refuse_to_replace_inputs(jobs: list[Job]) -> frozenset[_Identity]:
    """Return what the inputs are; none must be replaced, by its own output or by another's."""
    inputs = {identity: job for job in jobs if (identity := _identity(job.source))}
    for job in jobs:
        replaced = inputs.get(_identity(job.target) or (0, 0))
        if replaced is not None:
            raise UsageError(
                f"the output {job.target} would replace the input {replaced.source}; "
                f"give another output"
            )
    return frozenset(inputs)


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refuse_too_long(job: Job, size: tuple[int, int]) -> None:
    """Refuse what could not be written, before the work instead of after it.

    Args:
        size: of the output, in pixels.

    Raises:
        ImageError: its format has no place for such a side.
    """
    limit, side = job.format.largest_side, max(size)
    if limit and side > limit:
        raise ImageError(
            f"would be {side} pixels long, and {job.format.name} holds at most {limit}; "
            f"use --format png"
        )
