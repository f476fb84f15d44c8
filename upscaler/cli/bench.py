"""`upscaler bench`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from upscaler.cli import options

if TYPE_CHECKING:
    from upscaler.measure.bench import Bench
    from upscaler.measure.end_to_end import WholeRun

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(short_help="Measure the speed of a model here, or of a whole run.")
@options.NETWORK
@options.SCALE
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="How many times to measure; the median counts.",
)
@click.option(
    "--end-to-end",
    "folder",
    type=_FOLDER,
    metavar="DIR",
    help="Measure whole runs over the images of this folder instead.",
)
@options.RUNTIME
@options.PRECISION
@click.option(
    "--compare",
    "earlier",
    type=options.GivenPath(),
    metavar="FILE",
    help="Exit with 1 if anything is clearly slower than in FILE, the output of an earlier --json.",
)
@options.JSON
def bench(
    model: str,
    scale: int | None,
    rounds: int,
    folder: Path | None,
    runtime: str,
    precision: str,
    earlier: Path | None,
    as_json: bool,
) -> int:
    """Measure a model with every runtime and in every precision that works here. No image files
    are read or written.

    The columns: megapixels of output a second; how many times as fast as ONNX Runtime in fp32; how
    near the output is to that of ONNX Runtime in fp32 (PSNR); the time to start; memory.

    With --end-to-end: whole runs over a folder, beside the least time that the same work could
    take. Only they follow -r and -p.

    \b
    upscaler bench -m fast -s 2
    upscaler bench -s 2 --end-to-end photos/ --json > before.json
    upscaler bench -s 2 --end-to-end photos/ --compare before.json
    """
    from upscaler.hardware.cpu import cores
    from upscaler.hardware.system import processor
    from upscaler.measure.comparison import slowdowns
    from upscaler.models import default_scale
    from upscaler.version import __version__

    scale = scale or default_scale(model)
    machine = f"{processor()}, {cores()} cores"
    if folder is None:
        rows = _networks(model, scale, rounds, None if as_json else machine)
    else:
        rows = _whole_runs(folder, (model, scale, runtime, precision), rounds, show=not as_json)
    if as_json:
        for row in rows:
            click.echo(json.dumps({**row, "machine": machine, "version": __version__}))
    found = slowdowns(earlier, rows) if earlier else []
    for change in found:
        click.echo(f"slower: {change}", err=True)
    return int(bool(found))


def _networks(model: str, scale: int, rounds: int, machine: str | None) -> list[dict[str, Any]]:
    from upscaler.measure.bench import bench as measure
    from upscaler.models import find_model
    from upscaler.runtimes import by_reason

    done = measure(find_model(model, scale), rounds)
    if machine is not None:
        _print(done, f"{done.measured[0].model} on {machine}")
    for names, reason in by_reason(done.missing).items():
        click.echo(f"{names}: {reason}", err=True)
    return [asdict(row) for row in done.measured]


def _whole_runs(
    folder: Path, what: tuple[str, int, str, str], rounds: int, *, show: bool
) -> list[dict[str, Any]]:
    from upscaler.batch.run.settings import Settings
    from upscaler.images import set_for_process
    from upscaler.measure.end_to_end import end_to_end

    set_for_process()
    model, scale, runtime, precision = what
    settings = Settings(model=model, scale=scale, runtime=runtime, precision=precision)
    done = end_to_end(folder, settings, rounds)
    if show:
        _describe(done)
    return [asdict(done)]


def _describe(done: "WholeRun") -> None:
    shares = ", ".join(f"{name} {share:.0%}" for name, share in done.shares.items())
    click.echo(
        f"{done.files} files, {done.model} on {done.runtime} in {done.precision}: "
        f"{done.files_per_s:.1f} files/s, {done.mp_per_s:.1f} MP/s\n"
        f"{done.seconds:.2f} s; the same work takes {done.limit_seconds:.2f} s at least "
        f"(ratio {done.ratio:.2f}); rounds differ by {done.spread:.0%}\n"
        f"time: {shares}; peak memory {done.peak_memory_mb:.0f} MB\n"
        f"{done.advice}"
    )


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
