"""`upscaler bench`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from upscaler.cli import options

if TYPE_CHECKING:
    from upscaler.speed import Bench


@click.command(short_help="Measure every runtime that opens here.")
@options.MODEL
@options.SCALE
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Rounds in which the runtimes take turns; medians count.",
)
@options.JSON
def bench(model: str, scale: int, rounds: int, as_json: bool) -> None:
    """Measure every runtime and precision that opens on this machine, the network alone.

    Speed in megapixels of output a second and beside ONNX Runtime in fp32; PSNR of the output
    against it; start-up and memory of a process of its own.

    \b
    upscaler bench -m fast -s 2
    """
    from upscaler import __version__
    from upscaler.machine import cores, processor
    from upscaler.models import find
    from upscaler.runtimes import by_reason
    from upscaler.speed import bench as measure

    machine = f"{processor()}, {cores()} cores"
    done = measure(find(model, scale), rounds)
    if as_json:
        for row in done.measured:
            click.echo(json.dumps({**asdict(row), "machine": machine, "version": __version__}))
    else:
        _print(done, f"{done.measured[0].model} on {machine}")
    for names, reason in by_reason(done.missing).items():
        click.echo(f"{names}: {reason}", err=True)


def _print(done: "Bench", title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "runtime",
        "precision",
        "MP/s",
        "ratio",
        "PSNR, dB",
        "start-up, s",
        "memory, MB",
        title=title,
    )
    for row in sorted(done.measured, key=lambda row: -row.ratio):
        table.add_row(
            row.runtime,
            row.precision,
            f"{row.mp_per_s:.1f}",
            f"{row.ratio:.2f}x",
            "same" if row.psnr >= 100 else f"{row.psnr:.1f}",
            f"{row.startup_s:.2f}",
            f"{row.memory_mb:.0f}",
        )
    Console(width=None if Console().is_terminal else 100).print(table)
