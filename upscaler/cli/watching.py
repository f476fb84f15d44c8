"""`upscaler run --watch`."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from upscaler.batch.plan.jobs import Plan
from upscaler.batch.watch import check_watching, plans_of_what_comes
from upscaler.errors import UsageError
from upscaler.supervisor.handover import Handover
from upscaler.supervisor.line import Witness


def watch_folder(
    paths: tuple[Path, ...],
    list_plan: Callable[[], Plan],
    work: Callable[[Plan, bool], object],
    witness: Witness,
    *,
    quiet: bool,
) -> NoReturn:
    """Do what is in a folder, and then what comes, until somebody ends it.

    Args:
        paths: the input folder and the output folder.
        list_plan: plans everything.
        work: does a plan; told whether it is not the first one.
        witness: what it handed over is for the first plan.

    Raises:
        UsageError: the paths are others.
        StartError: nothing can be watched here.
    """
    source = _watched(paths)
    check_watching()
    later = said = False

    def idle() -> None:
        nonlocal said
        if not said and not quiet:
            click.echo(f"watching {source}; Ctrl-C ends it", err=True)
        said = True

    try:
        for planned in plans_of_what_comes(source, list_plan, idle=idle):
            work(planned, later)
            later, witness.handover = True, Handover()
    except BaseException as error:
        if not isinstance(error, Exception) and not getattr(error, "__notes__", []):
            error.add_note(f"stopped watching {source}; the same command goes on")
        raise
    raise AssertionError("plans come without end")


def _watched(paths: tuple[Path, ...]) -> Path:
    if len(paths) != 2 or not paths[0].is_dir():
        raise UsageError("--watch needs an input folder and an output folder")
    return paths[0]
