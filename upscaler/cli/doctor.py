"""`upscaler doctor`."""

import json
from dataclasses import asdict

import click

from upscaler.cli import options


@click.command(short_help="Show which inference runtimes work here, and how to fix the others.")
@options.JSON
def doctor(as_json: bool) -> int:
    """Show this machine and the inference runtimes that work on it, with a fix for the others.

    \b
    opens     it works: it enlarged a test picture correctly
    missing   the hardware or the package for it is not here
    broken    it is installed, and does not work

    The exit code is 0 if at least one works, else 3.
    """
    from upscaler.measure.doctor import examine, facts

    found, runtimes = facts(), examine()
    if as_json:
        click.echo(json.dumps({"facts": found, "runtimes": [asdict(one) for one in runtimes]}))
    else:
        width = max(map(len, [*found, *(one.runtime for one in runtimes)])) + 1
        for name, value in found.items():
            click.echo(f"{name + ':':<{width}} {value}")
        click.echo()
        for one in runtimes:
            what = ", ".join(one.precisions) if one.state == "opens" else one.reason
            state = f"{one.state}, experimental" if one.experimental else one.state
            click.echo(f"{one.runtime + ':':<{width}} {state}  {what}")
            if one.state == "opens" and one.reason:
                click.echo(f"{'':<{width}} but {one.reason}")
            if one.repair:
                click.echo(f"{'':<{width}} {one.repair}")
    return 0 if any(one.state == "opens" for one in runtimes) else 3
