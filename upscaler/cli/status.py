"""`upscaler status`."""

import json
import sys
from pathlib import Path

import click

from upscaler.cli import options


@click.command(short_help="Show what is done in an output folder.")
@click.argument("folder", metavar="OUT", type=options.GivenPath())
@options.JSON
def status(folder: Path, as_json: bool) -> None:
    """Show what `upscaler run` has done in OUT, and why the rest is not done.

    \b
    done     finished
    failed   the file is damaged; `run --retry-failed` tries it again
    retry    the machine was in the way (disk full, say); the next run tries it again
    begun    a run is working on it or about to, or was stopped there

    With --json: a line for each output, then the summary. The images are not opened.
    """
    from rich.console import Console
    from rich.table import Table

    from upscaler.batch.plan.listing import STATE_FOLDER
    from upscaler.batch.report import duration
    from upscaler.batch.state.database import journals
    from upscaler.batch.state.entries import State
    from upscaler.batch.state.journal import read_journal
    from upscaler.cli.printable import between_words, printable
    from upscaler.errors import UsageError

    if not journals(folder / STATE_FOLDER):
        raise UsageError(f"{folder} is not the output folder of an `upscaler run`")
    with read_journal(folder) as journal:
        totals, last = journal.totals(), journal.last_run()
        problems = []
        for output in journal.outputs():
            state, source, reason = output.state, output.source, output.reason
            if as_json:
                facts = {"target": output.target, "input": str(source), "state": state}
                facts |= {"reason": reason} if reason else {}
                click.echo(json.dumps({"event": "output", **facts}))
            elif reason:
                problems.append(f"{state}: {_shown(source)}: {reason}")
            elif state == State.BEGUN:
                problems.append(f"{state}: {_shown(source)}")
    if as_json:
        files = {str(state): totals[state].files if state in totals else 0 for state in State}
        click.echo(json.dumps({"event": "summary", **files, "last_run": last and last.as_json()}))
        return
    table = Table("state", "files", "MB", "seconds")
    for state, total in totals.items():
        table.add_row(state, f"{total.files}", f"{total.bytes / 1e6:.1f}", f"{total.seconds:.1f}")
    Console(width=None if Console().is_terminal else 120).print(table)
    for problem in problems:
        click.echo(between_words(printable(problem), sys.stdout))
    if last:
        text = f"last run: {last.done} done, {last.failed} failed in {duration(last.seconds)}, "
        click.echo(between_words(f"{text}{last.model} on {last.runtime}", sys.stdout))


def _shown(path: Path) -> str:
    """Return the path of an input as it would be given from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
