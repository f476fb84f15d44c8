"""What one process of a run leaves to the next."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Handover(NamedTuple):
    """What a process takes over from those that died before it in the same run."""

    began: float = 0.0
    """When the run began, in seconds since 1970."""
    note: str = ""
    """Why there is another process now; empty for the first."""
    suspects: Sequence[str] = ()
    """Names of files that come last, one at a time, in this order."""
    unreported: Sequence[str] = ()
    """Names of files that were in flight: whatever became of them, nobody has heard of it."""
    failed: Mapping[str, tuple[str, bool]] = {}
    """What has failed by the death: the reason of each, and whether it is the file's own."""
    not_tried: str = ""
    """Why nothing more is tried, if so."""
    so_far: Mapping[str, Any] = {}
    """What the last process said of the whole run."""
