"""New files as they come: plans of what is new in an input folder, once each file is whole."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from upscaler.batch.not_read import NotRead
from upscaler.batch.plan.jobs import Job, Plan
from upscaler.batch.state.file_stamp import FileStamp, file_stamp
from upscaler.errors import StartError

SETTLED = 2.0
"""Seconds for which a file has to stay as it is: one that is still being copied grows."""

_LOOK = 60.0
"""Seconds after which a folder is looked at in any case: some network folders tell nothing."""


def check_watching() -> None:
    """Raise StartError if the library that hears of changes is missing."""
    if find_spec("watchfiles") is None:
        raise StartError("--watch needs watchfiles; pip install 'upscaler-aeu[watch]'")


def plans_of_what_comes(
    source: Path,
    list_plan: Callable[[], Plan],
    *,
    settled: float = SETTLED,
    idle: Callable[[], object] = lambda: None,
) -> Iterator[Plan]:
    """Yield a plan of all that is there and whole, then plans of what is new or changed; endless.

    Args:
        source: the input folder.
        list_plan: plans everything in it.
        settled: see SETTLED.
        idle: called before each wait for changes.
    """
    arrivals, first = _Arrivals(settled), True
    with _listening(source) as news:
        while True:
            news.clear()
            planned = list_plan()
            fresh = arrivals.fresh(planned.jobs)
            if ready := arrivals.take_settled(fresh):
                planned = replace(planned, jobs=ready)
                # what no file of these is about was said with the first ones
                yield (
                    planned
                    if first
                    else replace(
                        planned, not_read=NotRead(), passed_over={}, left_out=0, refused={}
                    )
                )
                first = False
            elif fresh:
                time.sleep(settled)
            else:
                idle()
                news.wait(_LOOK)


class _Arrivals:
    """What is known of the files: how each looked, since when, and what was taken."""

    def __init__(self, settled: float) -> None:
        self._settled = settled
        self._seen: dict[str, tuple[_Look, float]] = {}
        self._taken: dict[str, _Look] = {}

    def fresh(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs whose file is new or changed, or whose output is called otherwise."""
        now = time.monotonic()
        for job in jobs:
            look = file_stamp(job.source), job.target
            if job.name not in self._seen or self._seen[job.name][0] != look:
                self._seen[job.name] = look, now
        return [job for job in jobs if self._seen[job.name][0] != self._taken.get(job.name)]

    def take_settled(self, jobs: Sequence[Job]) -> list[Job]:
        """Return those that have not changed for a while, which are fresh no more."""
        until = time.monotonic() - self._settled
        ready = [job for job in jobs if self._seen[job.name][1] <= until]
        self._taken |= {job.name: self._seen[job.name][0] for job in ready}
        return ready


_Look = tuple[FileStamp | None, Path]
"""Of an input, and the path of its output."""


@contextmanager
def _listening(folder: Path) -> Iterator[threading.Event]:
    """Give what is set when something changes in a folder, or below it."""
    from watchfiles import watch

    news, stop = threading.Event(), threading.Event()

    def listen() -> None:
        # where nothing can be heard, as with too many folders, looking now and then is enough
        with suppress(OSError, RuntimeError):
            for _ in watch(folder, watch_filter=None, stop_event=stop):
                news.set()

    # a thread of its own: it would take signals for its own
    threading.Thread(target=listen, name="watch", daemon=True).start()
    try:
        yield news
    finally:
        stop.set()
