"""Threads that compute tiles: as many as the runtime takes, to which a run may move."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from upscaler.batch.run.running_job import as_image_error
from upscaler.batch.run.workers import Workers


class TileWorkers:
    """Threads for tiles, which become more when the runtime takes more.

    Args:
        wanted: says how many tiles the runtime takes now.
    """

    def __init__(self, wanted: Callable[[], int]) -> None:
        self._wanted, self._width = wanted, wanted()
        self._pools = [Workers(self._width, "infer")]
        self._growing = threading.Lock()

    def submit(self, work: Callable[..., None], *arguments: Any) -> None:
        """Let a thread do it when its turn comes; see `Workers`."""
        with self._growing:
            if self._wanted() > self._width:  # the former pool ends what it has begun
                self._width = self._wanted()
                self._pools.append(Workers(self._width, "infer"))
            pool = self._pools[-1]
        pool.submit(work, *arguments)

    def compute(self, tile: Callable[[], None]) -> "Future[None]":
        """Have a tile computed; the result is there when that is done, or why it failed."""
        done: Future[None] = Future()
        self.submit(_fulfil, done, tile)
        return done

    def shutdown(self, *, cancel: bool = False, until: float | None = None) -> None:
        """See `Workers`."""
        for pool in self._pools:
            pool.shutdown(cancel=cancel, until=until)


def _fulfil(done: "Future[None]", tile: Callable[[], None]) -> None:
    try:
        tile()
    except Exception as error:
        done.set_exception(as_image_error(error))
    else:
        done.set_result(None)
