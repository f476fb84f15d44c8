"""`upscaler run`."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from upscaler.cli import options
from upscaler.cli.fitting import is_given
from upscaler.cli.looking import Looking
from upscaler.cli.output_options import output_options
from upscaler.cli.run_help import GroupedCommand
from upscaler.cli.size_options import size_options
from upscaler.cli.standard_streams import instead_of_streams
from upscaler.supervisor.line import Witness

if TYPE_CHECKING:
    from upscaler.batch.plan.listing import Shard


@click.command(cls=GroupedCommand, short_help="Enlarge an image or a folder of images.")
@click.argument("paths", metavar="IN... [OUT]", type=options.GivenPath(), nargs=-1, required=True)
@size_options
@options.MODELS
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
    help="Side of the tiles in which an image is computed, in input pixels. Smaller ones need less "
    "memory, the result is the same; none: the whole image at once.",
)
@click.option(
    "--exact",
    is_flag=True,
    help="Refuse a model of your own if its tiles are not proved to give the whole picture.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Tiles to compute at the same time  [default: number of cores]",
)
@options.MEMORY
@output_options
@click.option(
    "--alpha",
    type=click.Choice(["picture", "separate"]),
    default="picture",
    show_default=True,
    help="What the fourth channel is. picture: transparency; colours are spread under it, so that "
    "no edge gets a fringe. separate: data, as in game textures; all four channels are enlarged "
    "as they are.",
)
@click.option(
    "--wrap",
    is_flag=True,
    help="For textures that tile: compute the edges as if the picture went on beyond them.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    metavar="N",
    default=250_000_000,
    show_default=True,
    help="Refuse inputs of more pixels; the frames of an animation count together.",
)
@click.option(
    "--timeout",
    type=options.Seconds(),
    metavar="SECONDS",
    help="Give up on a file that takes longer than this, and go on with the others.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Make every output again, also over files that `upscaler` did not make or somebody "
    "changed.",
)
@click.option("--retry-failed", is_flag=True, help="Try files again that failed in an earlier run.")
@click.option(
    "--verify",
    is_flag=True,
    help="Find changed files by their contents, not only by size and date.",
)
@click.option(
    "--include",
    multiple=True,
    metavar="PATTERN",
    help="Only files whose name matches, such as '*.jpg'; a pattern with a slash is compared with "
    "the path below IN. Repeatable.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Leave these files out, or these folders with all in them. Repeatable.",
)
@click.option(
    "--shard",
    type=options.ShardNumber(),
    metavar="I/N",
    help="Do only part I of N. The parts may run at the same time, also on several computers.",
)
@click.option(
    "--watch",
    is_flag=True,
    help="Stay, and do new and changed files of the input folder as they come, until Ctrl-C.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@options.JSON
@click.option(
    "--report",
    type=options.GivenPath(),
    metavar="FILE",
    help="Write counts, speed and where the time went to a JSON file.",
)
@click.option(
    "--page",
    type=options.GivenPath(),
    metavar="FILE",
    help="Make a page to compare before and after, at the end; see `upscaler compare`.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Print a line for each file; show before and after of one alone, if the terminal can.",
)
@click.make_pass_decorator(Witness, ensure=True)
def run(
    witness: Witness,
    paths: tuple[Path, ...],
    scale: float | None,
    width: int | None,
    height: int | None,
    long_side: int | None,
    shrink: bool,
    models: tuple[str, ...],
    restore: float | None,
    runtime: str,
    precision: str,
    devices: tuple[int, ...],
    tile: int | str | None,
    exact: bool,
    jobs: int | None,
    memory: int | None,
    format_name: str,
    suffix: str | None,
    quality: int,
    png_level: int,
    alpha: str,
    wrap: bool,
    strip_metadata: bool,
    keep_times: bool,
    max_pixels: int,
    timeout: float | None,
    overwrite: bool,
    retry_failed: bool,
    verify: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    shard: "Shard | None",
    watch: bool,
    dry_run: bool,
    as_json: bool,
    report: Path | None,
    page: Path | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Enlarge IN, an image or a folder of images, into OUT.

    Several images go into a folder. One image without OUT becomes a file beside it, such as
    photo-x4.jpg. - is stdin or stdout.

    Folders and file names are kept. Run the same command again to go on: only new, changed or
    missing files are done. A damaged file does not stop the others; the exit code is then 1.

    \b
    upscaler run photos/ large/
    upscaler run photos/ large/ -s 2 -f webp --quality 90
    upscaler run scan.tif scan-large.png -p fp32
    upscaler run a.jpg b.jpg c.jpg large/
    upscaler run photo.jpg
    upscaler run - - -f png < small.jpg > large.png
    upscaler run photos/ large/ --shard 1/4
    upscaler run scans/ large/ --watch
    """
    again = bool(witness.handover.note)
    context = click.get_current_context()
    looking = Looking(paths, shown=not quiet and not again)
    context.call_on_close(looking.end)

    from upscaler.batch.dry_run import forecast
    from upscaler.batch.plan.inputs import plan_paths
    from upscaler.batch.plan.jobs import Plan
    from upscaler.batch.plan.listing import Selection
    from upscaler.batch.report import Summary, expect_report
    from upscaler.batch.run.settings import Settings
    from upscaler.batch.state.resume import Rules
    from upscaler.cli.dry_run import show_dry_run
    from upscaler.cli.pages import expect_page_of_run, page_of_run
    from upscaler.cli.progress import RunDisplay, show_run
    from upscaler.cli.watching import watch_folder
    from upscaler.errors import UsageError
    from upscaler.images import Encoding, set_for_process
    from upscaler.inference.size import Size
    from upscaler.models import default_scale

    if dry_run and report:
        raise UsageError("--dry-run has nothing for --report; --dry-run --json prints the plan")
    if dry_run and page:
        raise UsageError("--dry-run has nothing for --page")
    if watch and (dry_run or page):
        raise UsageError("--dry-run and --page are for a run that ends; leave out --watch")
    set_for_process(max_pixels)
    if quiet:
        logging.getLogger("upscaler").setLevel(logging.ERROR)
    scale = scale or default_scale(models, sided=bool(width or height or long_side))
    settings = Settings(
        model=models if len(models) > 1 else models[0],
        scale=scale,
        size=Size(scale, width, height, long_side),
        shrink=shrink,
        restore=restore,
        alpha=alpha,
        wrap=wrap,
        runtime=runtime,
        precision=precision,
        devices=devices,
        tile=tile,
        exact=exact,
        streams=jobs,
        memory=memory,
        encoding=Encoding(quality, png_level, strip_metadata, keep_times),
        max_pixels=max_pixels,
        timeout=timeout,
        rules=Rules(overwrite=overwrite, retry_failed=retry_failed, verify=verify),
    )
    beside = f"-{settings.wanted}".replace(" ", "-")
    chosen = Selection(include, exclude, shard, () if is_given(context, "exclude") else exclude)
    paths = context.with_resource(instead_of_streams(context))
    shows = {"as_json": as_json, "quiet": quiet, "verbose": verbose}

    def list_plan() -> Plan:
        return plan_paths(paths, format_name, chosen, suffix=suffix, beside=beside)

    def work(planned: Plan, later: bool = False) -> Summary:
        display = RunDisplay(looking, again=again or later, **shows)
        return show_run(planned, settings, display, witness, report)

    if dry_run:
        preview = forecast(list_plan(), settings)
        looking.end()
        return show_dry_run(preview, **shows)
    if report:
        expect_report(report)
    expect_page_of_run(page)
    if watch:
        looking.end()
        watch_folder(paths, list_plan, work, witness, quiet=quiet)
    planned = list_plan()
    summary = work(planned)
    page_of_run(planned, summary, page, quiet=quiet)
    return summary.exit_code
