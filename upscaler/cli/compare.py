"""`upscaler compare`."""

from pathlib import Path

import click

from upscaler.cli import options


@click.command(short_help="Make a page with a slider between before and after.")
@click.argument("paths", metavar="IN OUT...", type=options.GivenPath(), nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=options.GivenPath(),
    metavar="FILE",
    default=Path("page.html"),
    show_default=True,
    help="Where the page goes.",
)
def compare(paths: tuple[Path, ...], output: Path) -> None:
    """Make a page on which IN and what was made of it are side by side.

    IN and OUT are folders, or files. Several OUT are shown beside each other: models, say. The
    page works in any browser, without a network. Few pictures are in the page itself; many stay
    where they are, and small copies of them go into a folder beside the page.

    \b
    upscaler compare photos/ large/ -o page.html
    upscaler compare photos/ large/ large-vivid/
    upscaler compare scan.png scan-x4.png
    """
    from upscaler.cli.pages import looked_at
    from upscaler.cli.printable import printable
    from upscaler.errors import UsageError
    from upscaler.images import LARGEST, set_for_process
    from upscaler.page.folders import compare_paths
    from upscaler.page.write import expect_page, write_page

    if len(paths) < 2:
        raise UsageError("give an original and what was made of it: upscaler compare IN OUT")
    set_for_process(LARGEST)
    expect_page(output)
    comparison = compare_paths(paths)
    problems = write_page(comparison, output, watched=looked_at(len(comparison.rows)))
    count = len(comparison.rows)
    text = f"{count} picture{'s' * (count != 1)} in {output}"
    text += f"; {problems} with a problem, which come first" if problems else ""
    click.echo(printable(text))
