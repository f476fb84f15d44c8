"""`upscaler config`."""

from typing import Any

import click
from click.core import ParameterSource

from upscaler.cli.defaults import settings_path, variable
from upscaler.cli.run import run


@click.command(short_help="Show the defaults of `run`, and where they come from.")
@click.pass_context
def config(context: click.Context) -> None:
    """Show what `upscaler run` does without options, and where each value comes from.

    Your own defaults stand in a file, whose place is shown first. It holds long options:

    \b
    [run]
    scale = 2
    format = "webp"
    exclude = ["*.gif", "thumbnails"]

    An option on the command line comes before the environment (UPSCALER_RUN_SCALE=2), the
    environment before the file.
    """
    path = settings_path()
    click.echo(f"{path}{'' if path.exists() else ' (is not there)'}\n")
    assert context.parent is not None
    known = run.make_context("run", ["IN"], parent=context.parent)
    rows = [
        (max(one.opts, key=len), _shown(known.params[str(one.name)]), _source(known, one))
        for one in run.params
        if isinstance(one, click.Option)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, value, source in rows:
        click.echo(f"{name:{widths[0]}}  {value:{widths[1]}}  {source}".rstrip())


def _source(known: click.Context, option: click.Option) -> str:
    source = known.get_parameter_source(str(option.name))
    if source is ParameterSource.ENVIRONMENT:
        return variable("run", option)
    return "file" if source is ParameterSource.DEFAULT_MAP else "default"


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
