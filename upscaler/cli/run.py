"""`upscaler run`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from upscaler.cli import options
from upscaler.models import DEFAULT_SCALE

if TYPE_CHECKING:
    from upscaler.batch.plan.listing import Shard


@click.command(short_help="Upscale a file or a folder.")
@click.argument("source", metavar="IN", type=options.GivenPath())
@click.argument("output", metavar="OUT", type=options.GivenPath())
@click.option(
    "-s",
    "--scale",
    type=options.Factor(),
    metavar="FLOAT",
    default=DEFAULT_SCALE,
    show_default=True,
    help="How many times larger; what no network makes is resampled from the next larger one.",
)
@click.option("--width", type=click.IntRange(min=1), help="Of each output in pixels, ...")
@click.option("--height", type=click.IntRange(min=1), help="... or its height, ...")
@click.option(
    "--long-side",
    type=click.IntRange(min=1),
    help="... or its longer side: resampled from SCALE times the input.",
)
@options.MODEL
@options.RESTORE
@options.RUNTIME
@options.PRECISION
@options.DEVICE
@click.option(
    "-t",
    "--tile",
    type=options.TileSize(),
    default="auto",
    show_default=True,
    metavar="N|auto|none",
    help="Side of a tile in input pixels; smaller needs less memory, the picture is the same.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    help="Inferences side by side  [all cores]",
)
@options.MEMORY
@click.option(
    "-f",
    "--format",
    "format_name",
    type=click.Choice(["keep", "png", "jpg", "webp", "tiff", "avif", "bmp"], case_sensitive=False),
    default="keep",
    show_default=True,
    help="Format of the outputs.",
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=95,
    show_default=True,
    help="Of JPEG, WebP and AVIF outputs.",
)
@click.option(
    "--png-level",
    type=click.IntRange(1, 9),
    default=1,
    show_default=True,
    help="Of PNG outputs: 1 is fast, 9 is small.",
)
@click.option("--strip-metadata", is_flag=True, help="Leave out EXIF, XMP, IPTC, DPI and texts.")
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=250_000_000,
    show_default=True,
    help="Refuse larger inputs; all frames count together.",
)
@click.option(
    "--timeout",
    type=options.Seconds(),
    metavar="S",
    help="Give up a file after S seconds of work on it, also one that hangs; the others go on.",
)
@click.option("--overwrite", is_flag=True, help="Do everything again, replace what is there.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed in an earlier run.")
@click.option("--verify", is_flag=True, help="Compare contents, too, to see what has changed.")
@click.option(
    "--include",
    multiple=True,
    metavar="GLOB",
    help="Only files whose name matches, or whose path below IN if GLOB has a slash; repeatable.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Not these files; repeatable.")
@click.option(
    "--shard",
    type=options.ShardNumber(),
    metavar="I/N",
    help="Only the I-th of N parts, which may run side by side, also on several machines.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@options.JSON
@click.option(
    "--report",
    type=options.GivenPath(),
    metavar="FILE",
    help="Write counts, speed and where the time went as JSON.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say what happens to each file.")
def run(
    source: Path,
    output: Path,
    scale: float,
    width: int | None,
    height: int | None,
    long_side: int | None,
    model: str,
    restore: float | None,
    runtime: str,
    precision: str,
    devices: tuple[int, ...],
    tile: int | str | None,
    jobs: int | None,
    memory: int | None,
    format_name: str,
    quality: int,
    png_level: int,
    strip_metadata: bool,
    max_pixels: int,
    timeout: float | None,
    overwrite: bool,
    retry_failed: bool,
    verify: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    shard: "Shard | None",
    dry_run: bool,
    as_json: bool,
    report: Path | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Upscale IN, an image or a folder of them, into OUT.

    OUT mirrors the tree of IN and keeps the names. A second run does only what is new, changed
    or missing. One bad file fails alone; the exit code is then 1.

    \b
    upscaler run photos/ large/
    upscaler run photos/ large/ -s 2 -f webp --quality 90
    upscaler run scan.tif scan-large.png -p fp32
    upscaler run photos/ large/ --shard 1/4
    """
    from upscaler.batch.dry_run import forecast
    from upscaler.batch.plan.jobs import plan
    from upscaler.batch.plan.listing import Selection
    from upscaler.batch.report import expect_report, write_report
    from upscaler.batch.run.batch import Batch, Settings
    from upscaler.batch.state.resume import Rules
    from upscaler.cli.dry_run import show_dry_run
    from upscaler.cli.progress import RunDisplay
    from upscaler.errors import UsageError
    from upscaler.images import Encoding, set_for_process
    from upscaler.inference.size import Size

    if dry_run and report:
        raise UsageError("--dry-run has nothing for --report; --dry-run --json prints the plan")
    set_for_process(max_pixels)
    settings = Settings(
        model=model,
        scale=scale,
        size=Size(scale, width, height, long_side),
        restore=restore,
        runtime=runtime,
        precision=precision,
        devices=devices,
        tile=tile,
        streams=jobs,
        memory=memory,
        encoding=Encoding(quality, png_level, strip_metadata),
        max_pixels=max_pixels,
        timeout=timeout,
        rules=Rules(overwrite=overwrite, retry_failed=retry_failed, verify=verify),
    )
    planned = plan(source, output, format_name, Selection(include, exclude, shard))
    if dry_run:
        return show_dry_run(forecast(planned, settings), as_json=as_json)
    if report:
        expect_report(report)
    with RunDisplay(as_json=as_json, quiet=quiet, verbose=verbose) as display:
        display.planned(planned)
        summary = Batch(planned, settings, display).run()
        display.summary(summary)
    if report:
        write_report(summary, report)
    return summary.exit_code
