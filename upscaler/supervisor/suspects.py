"""Which job ends processes: those in flight at a death are tried one at a time.

It knows nothing of how processes are started, watched and told what to do.
"""

from collections.abc import Iterable, Iterator, Sequence

_ALONE = 2
"""How often a job has to be alone in flight at a death to be the cause of it."""


class Suspects:
    """Jobs that were in flight at a death; iterates over them in the order to try them.

    They come after all other jobs, one at a time.
    """

    def __init__(self) -> None:
        self._alone: dict[str, int] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._alone)

    def add(self, names: Iterable[str]) -> None:
        """Suspect jobs that were in flight, several at a time."""
        for name in names:
            self._alone.setdefault(name, 0)

    def ended(self, name: str) -> None:
        """Suspect a job no more: it has its result."""
        self._alone.pop(name, None)

    def died(self, in_flight: Sequence[str]) -> str | None:
        """Note a death; return the job that is the cause, if that is certain now."""
        if len(in_flight) != 1:
            self.add(in_flight)
            return None
        (name,) = in_flight
        times = self._alone.pop(name, 0) + 1
        if times == _ALONE:
            return name
        self._alone[name] = times  # behind those that were not alone yet
        return None
