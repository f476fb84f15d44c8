"""From an input folder to a list of jobs, in an order that never depends on timing."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from upscaler.errors import StartError, UsageError
from upscaler.images import FORMATS, Format, format_of

STATE_FOLDER = ".upscaler"
"""Where the output folder keeps its journal and lock."""

KEEP = "keep"


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
    ignored: int = 0
    """Files without a known image extension, or hidden."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Folders below the input that could not be listed, with the reason of each."""


def plan(source: Path, output: Path, format_name: str) -> Plan:
    """List the jobs that bring `source`, a file or a folder, to `output`.

    Args:
        format_name: a name of FORMATS, or `keep` for each file's own.

    Raises:
        UsageError: the input is missing, or the output is the input.
        StartError: the input folder cannot be read.
    """
    if not source.exists():
        raise UsageError(f"the input {source} does not exist; check the path")
    if output.exists() and output.samefile(source):
        raise UsageError(f"the output is the input ({source}); give another output folder")
    return (
        _plan_folder(source, output, format_name)
        if source.is_dir()
        else _plan_file(source, output, format_name)
    )


def _plan_file(source: Path, output: Path, format_name: str) -> Plan:
    """One file, whatever it is called, into a folder or to a file name of its own."""
    wanted = _wanted_format(source, format_name) or FORMATS["png"]
    if output.is_dir() or format_of(output) is None:
        target = output / _target_name(Path(source.name), wanted)
        return Plan(root=output, jobs=[Job(source, target, source.name, wanted)])
    by_name = format_of(output)
    if by_name is None or (format_name not in (KEEP, by_name.name)):
        raise UsageError(
            f"--format {format_name} does not fit the output {output.name}; change one of them"
        )
    return Plan(root=None, jobs=[Job(source, output, source.name, by_name)])


def _plan_folder(source: Path, output: Path, format_name: str) -> Plan:
    if output.exists() and not output.is_dir():
        raise UsageError(f"the output {output} is a file, but the input is a folder")
    files, ignored, unreadable = _list(source, output)
    if str(source) in unreadable:
        raise StartError(f"cannot read the folder {source}: {unreadable[str(source)]}")
    kinds = {file: _wanted_format(file, format_name) for file in files}
    targets = _targets({file: kind for file, kind in kinds.items() if kind is not None})
    jobs = [
        Job(source / file, output / target, file.as_posix(), kind)
        for file, (target, kind) in targets.items()
    ]
    return Plan(root=output, jobs=jobs, ignored=ignored, unreadable=unreadable)


def _list(source: Path, output: Path) -> tuple[list[Path], int, dict[str, str]]:
    """Return the image files below `source`, how many others there are, and what was unreadable."""
    files: list[Path] = []
    ignored = 0
    unreadable: dict[str, str] = {}

    def note(error: OSError) -> None:
        unreadable[str(error.filename)] = error.strerror or str(error)

    skip = output.resolve()
    for folder, folders, names in os.walk(source, onerror=note):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (here / name).resolve() != skip
        )
        for name in sorted(names):
            path = here / name
            if name.startswith(".") or format_of(path) is None or not path.is_file():
                ignored += 1
            else:
                files.append(path.relative_to(source))
    return files, ignored, unreadable


def _wanted_format(path: Path, format_name: str) -> Format | None:
    return format_of(path) if format_name == KEEP else FORMATS[format_name]


def _targets(kinds: dict[Path, Format]) -> dict[Path, tuple[Path, Format]]:
    """Name every output; where two inputs want one name, each keeps its whole name before it.

    Names that differ only by case clash too: some file systems do not tell them apart.
    """
    names = {file: _target_name(file, kind) for file, kind in kinds.items()}
    wanted = Counter(str(name).casefold() for name in names.values())
    return {
        file: (
            name
            if wanted[str(name).casefold()] == 1
            else file.with_name(file.name + kinds[file].extensions[0]),
            kinds[file],
        )
        for file, name in names.items()
    }


def _target_name(file: Path, kind: Format) -> Path:
    """Keep a name whose extension already says the format; otherwise exchange the extension."""
    same = file.suffix.lower() in kind.extensions
    return file if same else file.with_suffix(kind.extensions[0])
