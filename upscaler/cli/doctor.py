"""`upscaler doctor`."""

import json
from dataclasses import asdict

import click

from upscaler.cli import options


@click.command(short_help="Say which runtimes open here, and what repairs the others.")
@options.JSON
def doctor(as_json: bool) -> int:
    """Say what this machine has, which runtimes open on it, and the line that repairs the others.

    A runtime opens if it computes the proof picture of a packaged model right. The exit code is
    0 if any opens, 3 if none does.
    """
    from upscaler.measure.doctor import examine, facts

    found, runtimes = facts(), examine()
    if as_json:
        click.echo(json.dumps({"facts": found, "runtimes": [asdict(one) for one in runtimes]}))
    else:
        for name, value in found.items():
            click.echo(f"{name + ':':<16} {value}")
        click.echo()
        for one in runtimes:
            what = ", ".join(one.precisions) if one.state == "opens" else one.reason
            state = f"{one.state}, experimental" if one.experimental else one.state
            click.echo(f"{one.runtime + ':':<16} {state}  {what}")
            if one.state == "opens" and one.reason:
                click.echo(f"{'':<16} but {one.reason}")
            if one.repair:
                click.echo(f"{'':<16} {one.repair}")
    return 0 if any(one.state == "opens" for one in runtimes) else 3
