"""What goes with what: the pictures of a folder, and what runs made of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from upscaler.batch.plan.listing import STATE_FOLDER, list_images
from upscaler.batch.report import duration
from upscaler.batch.state.database import journals
from upscaler.batch.state.entries import RunRecord, State
from upscaler.batch.state.journal import read_journal
from upscaler.batch.state.outputs import Output
from upscaler.errors import UsageError
from upscaler.page.comparison import Comparison, Row, Version


def compare_paths(paths: Sequence[Path]) -> Comparison:
    """Return what there is to see of an original and what was made of it.

    Args:
        paths: a folder and output folders, or a file and files made of it; the original first.

    Raises:
        UsageError: one is missing; files and folders are mixed; or nothing goes together.
        OutputError: a journal is damaged.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist; check the path")
    folders = [path.is_dir() for path in paths]
    if not any(folders):
        versions = [Version(path) for path in paths]
        columns = _labels(paths)
        return Comparison(" · ".join(columns), columns, [Row(paths[0].name, versions)])
    if not all(folders):
        raise UsageError("give folders only, or files only: an original, and what was made of it")
    return _compare_folders(paths[0], paths[1:])


def _compare_folders(source: Path, outputs: Sequence[Path]) -> Comparison:
    files = [
        file
        for file in list_images(source, outputs[0]).files
        if not any((source / file).is_relative_to(output) for output in outputs)
    ]
    made = [OutputFolder(output) for output in outputs]
    labels = _labels([source, *outputs])
    rows, missing = [], 0
    for file in files:
        found = [output.find(source, file) for output in made]
        problems = [_problem(output) for output, _ in found if output]
        if not any(problems) and not any(version for _, version in found):
            missing += 1
            continue
        versions = [Version(source / file), *(version for _, version in found)]
        rows.append(Row(file.as_posix(), versions, "; ".join(filter(None, problems))))
    if not rows:
        into = " and ".join(map(str, outputs))
        raise UsageError(f"nothing in {into} was made of an image in {source}")
    summary = [said for output in made if (said := output.summary)]
    if missing:
        summary.append(f"{missing} of {source} without an output yet")
    return Comparison(" → ".join(labels), labels, rows, summary)


class OutputFolder:
    """What lies in an output folder, and what its journal says."""

    def __init__(self, root: Path) -> None:
        self._root = root
        last: RunRecord | None = None
        self._made: list[Output] = []
        if journals(root / STATE_FOLDER):
            with read_journal(root) as journal:
                self._made, last = list(journal.outputs()), journal.last_run()
        self.summary = run_in_words(last) if last else ""
        self._by_source = {output.source: output for output in self._made}
        self._by_target = {output.target: output for output in self._made}
        self._by_name: dict[str, list[Output]] = {}
        for output in self._made:
            self._by_name.setdefault(output.source.name, []).append(output)
        found = list_images(root, root / STATE_FOLDER).files
        self._by_stem: dict[str, list[Path]] = {}
        for file in found:
            self._by_stem.setdefault(file.with_suffix("").as_posix(), []).append(file)

    def find(self, source: Path, file: Path) -> tuple[Output | None, Version | None]:
        """Return what the journal says of a picture's output, and the output if it is there."""
        output = self._by_source.get((source / file).absolute()) or self._moved(file)
        target = Path(output.target) if output else self._named_as(file)
        if target is None:
            return None, None
        output = output or self._by_target.get(target.as_posix())
        path = self._root / target
        return output, version_of(path, output) if path.is_file() else None

    def _moved(self, file: Path) -> Output | None:
        """Return what was made of a picture when its folder was elsewhere."""
        same = [output for output in self._by_name.get(file.name, []) if _ends(output.source, file)]
        return same[0] if len(same) == 1 else None

    def _named_as(self, file: Path) -> Path | None:
        """Return the file that is called as an output of `file` would be, by any program."""
        whole, stem = file.as_posix(), file.with_suffix("").as_posix()
        named = self._by_stem.get(whole) or self._by_stem.get(stem) or []
        same = [each for each in named if each.suffix == file.suffix]
        return next(iter(same or named), None)


def version_of(path: Path, output: Output | None) -> Version:
    """Return an output with what the journal says of it."""
    if output is None:
        return Version(path)
    facts = {
        "model": output.model,
        "damage": output.restoration,
        "time": duration(output.seconds) if output.seconds else "",
    }
    return Version(path, tuple((k, v) for k, v in facts.items() if v), output.warnings)


def run_in_words(run: RunRecord) -> str:
    """Return how a run went, in a phrase."""
    return f"{run.done} made by {run.model} on {run.runtime} in {duration(run.seconds)}"


def _ends(path: Path, file: Path) -> bool:
    return path.parts[-len(file.parts) :] == file.parts


def _problem(output: Output) -> str:
    if output.state in (State.FAILED, State.RETRY):
        return output.reason
    return "" if output.state == State.DONE else "a run was stopped there"


def _labels(paths: Sequence[Path]) -> list[str]:
    """Return the names of paths; whole paths where names are the same."""
    names = [path.absolute().name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def known_outputs(root: Path | None) -> Mapping[str, Output]:
    """Return what a journal says of each output, by its path below the folder."""
    if root is None or not journals(root / STATE_FOLDER):
        return {}
    with read_journal(root) as journal:
        return {str(PurePosixPath(output.target)): output for output in journal.outputs()}
