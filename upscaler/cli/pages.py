"""What commands share that make a page."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upscaler.batch.plan.jobs import Plan
    from upscaler.batch.report import Summary


def looked_at(total: int, *, quiet: bool = False) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """Return what passes pictures on, and shows how many of all were looked at."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = quiet or not console.is_terminal
    return partial(
        track,
        description="",
        total=total,
        console=console,
        transient=True,
        disable=hidden,
    )


def expect_page_of_run(path: Path | None) -> None:
    """Refuse what can be no page, before the work; nothing if none is wanted."""
    if path is not None:
        from upscaler.page.write import expect_page

        expect_page(path)


def page_of_run(plan: "Plan", summary: "Summary", path: Path | None, *, quiet: bool) -> None:
    """Make the page of a run that has ended; raises as `write_page` does."""
    if path is None:
        return
    from upscaler.images import LARGEST, set_for_process
    from upscaler.page.run import comparison_of
    from upscaler.page.write import write_page

    set_for_process(LARGEST)  # outputs are larger than inputs
    comparison = comparison_of(plan, summary)
    write_page(comparison, path, watched=looked_at(len(comparison.rows), quiet=quiet))
