"""What the paths of a command mean: one file alone, an input and an output, or several files."""

from collections.abc import Sequence
from pathlib import Path

from upscaler.batch.plan.jobs import (
    Job,
    Plan,
    looks_like_a_file,
    plan,
    refuse_to_replace_inputs,
    wanted_format,
)
from upscaler.batch.plan.listing import EVERYTHING, Selection
from upscaler.batch.plan.output_names import name_outputs, target_name
from upscaler.errors import UsageError
from upscaler.images import FORMATS


def plan_paths(
    paths: Sequence[Path],
    format_name: str,
    selection: Selection = EVERYTHING,
    *,
    suffix: str | None = None,
    beside: str = "",
) -> Plan:
    """List the jobs of a command.

    Args:
        paths: an input and an output; or several files and an output folder; or one file, whose
            output lies beside it.
        format_name, selection: see `plan`.
        suffix: what the outputs' names get before the extension; None if nobody asked for one.
        beside: the same for an output beside its input, where `suffix` is None.

    Raises:
        UsageError, StartError: see `plan`; or the paths do not go together.
    """
    if len(paths) == 1:
        (source,) = paths
        if source.is_dir():
            raise UsageError(f"{source} is a folder; give an output folder, too")
        kind = wanted_format(source, format_name) or FORMATS["png"]
        target = target_name(source, kind, beside if suffix is None else suffix)
        return plan(source, target, format_name, selection)
    if len(paths) == 2:
        return plan(paths[0], paths[1], format_name, selection, suffix=suffix)
    *sources, output = paths
    if selection:
        raise UsageError("--include, --exclude and --shard choose from a folder, not from files")
    return _plan_files(sources, output, format_name, suffix or "")


def _plan_files(sources: Sequence[Path], output: Path, format_name: str, suffix: str) -> Plan:
    if not output.is_dir() and (output.exists() or looks_like_a_file(output)):
        raise UsageError(
            f"the last path is where several inputs go, and {output} is no folder; "
            f"give an output folder at the end"
        )
    by_name: dict[Path, Path] = {}
    for source in dict.fromkeys(sources):
        if source.is_dir():
            raise UsageError(f"{source} is a folder; give it alone, with an output folder")
        plan(source, output, format_name)  # says what is wrong with one of them
        other = by_name.setdefault(Path(source.name), source)
        if other != source:
            raise UsageError(f"{other} and {source} have the same name; give them one by one")
    kinds = {name: wanted_format(name, format_name) or FORMATS["png"] for name in by_name}
    jobs = [
        Job(by_name[name], output / target, name.name, kinds[name])
        for name, target in name_outputs(kinds, suffix).items()
    ]
    return Plan(root=output, jobs=jobs, inputs=refuse_to_replace_inputs(jobs))
