"""From an input folder to a list of jobs, in an order that never depends on timing."""

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from upscaler.errors import StartError, UsageError
from upscaler.images import FORMATS, Format, format_of, kept_format

STATE_FOLDER = ".upscaler"
"""Where the output folder keeps its journal and lock."""

KEEP = "keep"

_OTHER_IMAGES = frozenset({".gif", ".heic", ".ico", ".ppm", ".jp2", ".jxl", ".psd", ".svg", ".tga"})
"""Names of formats that are not written: as OUT they are a mistake, not a folder."""


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
    """Files without a known image extension, hidden ones, links to folders."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Folders below the input that could not be listed, with the reason of each."""


def plan(source: Path, output: Path, format_name: str) -> Plan:
    """List the jobs that bring `source`, a file or a folder, to `output`.

    Args:
        format_name: a name of FORMATS, or `keep` for each file's own.

    Raises:
        UsageError: the input is missing, the output is the input, or would replace an input.
        StartError: the input cannot be reached or read.
    """
    try:
        mode = source.stat().st_mode
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise UsageError(f"the input {source} is neither a file nor a folder")
        if output.exists() and output.samefile(source):
            raise UsageError(f"the output is the input ({source}); give another output")
        make = _plan_folder if stat.S_ISDIR(mode) else _plan_file
        planned = make(source, output, format_name)
        _refuse_to_replace_inputs(planned.jobs)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"the input {source} does not exist; check the path") from None
    except OSError as error:
        raise StartError(f"cannot reach {error.filename}: {error.strerror}") from None
    return planned


def _plan_file(source: Path, output: Path, format_name: str) -> Plan:
    """One file, whatever it is called, into a folder or to a file name of its own."""
    by_name = None if output.is_dir() else format_of(output)
    if by_name is None:
        if not output.is_dir() and output.suffix.lower() in _OTHER_IMAGES:
            raise UsageError(f"cannot write {output.name}; formats: {', '.join(FORMATS)}")
        wanted = _wanted_format(source, format_name) or FORMATS["png"]
        target = output / _target_name(Path(source.name), wanted)
        return Plan(root=output, jobs=[Job(source, target, source.name, wanted)])
    if format_name not in (KEEP, by_name.name):
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
        visible = sorted(name for name in folders if not name.startswith("."))
        ignored += sum((here / name).is_symlink() for name in visible)
        folders[:] = [name for name in visible if (here / name).resolve() != skip]
        for name in sorted(names):
            path = here / name
            if name.startswith(".") or kept_format(path) is None or _is_special(path):
                ignored += 1
            else:
                files.append(path.relative_to(source))
    return files, ignored, unreadable


def _is_special(path: Path) -> bool:
    """Whether this is a pipe, a socket or a device; what cannot be told fails when it is read."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _wanted_format(path: Path, format_name: str) -> Format | None:
    return kept_format(path) if format_name == KEEP else FORMATS[format_name]


def _targets(kinds: dict[Path, Format]) -> dict[Path, tuple[Path, Format]]:
    """Name every output; no two names are the same.

    Where several inputs want one name, each keeps its whole name before the new extension.
    Names that differ only by case clash too: some file systems do not tell them apart.
    """
    names = {file: _target_name(file, kind) for file, kind in kinds.items()}
    wanted = Counter(_folded(name) for name in names.values())
    taken = {name for name, count in wanted.items() if count == 1}
    for file, name in names.items():
        if wanted[_folded(name)] > 1:
            names[file] = _free_name(file, kinds[file], taken)
            taken.add(_folded(names[file]))
    return {file: (name, kinds[file]) for file, name in names.items()}


def _free_name(file: Path, kind: Format, taken: set[str]) -> Path:
    extension = kind.extensions[0]
    name, number = file.with_name(file.name + extension), 1
    while _folded(name) in taken:
        number += 1
        name = file.with_name(f"{file.name}-{number}{extension}")
    return name


def _folded(name: Path) -> str:
    return str(name).casefold()


def _target_name(file: Path, kind: Format) -> Path:
    """Keep a name whose extension already says the format; otherwise exchange the extension."""
    same = file.suffix.lower() in kind.extensions
    return file if same else file.with_suffix(kind.extensions[0])


def _refuse_to_replace_inputs(jobs: Iterable[Job]) -> None:
    """An original must never be replaced, by its own enlargement or by another's."""
    jobs = list(jobs)
    inputs = {identity: job for job in jobs if (identity := _identity(job.source))}
    for job in jobs:
        replaced = inputs.get(_identity(job.target) or (0, 0))
        if replaced is not None:
            raise UsageError(
                f"the output {job.target} would replace the input {replaced.source}; "
                f"give another output"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
