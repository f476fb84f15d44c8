"""What the control groups of this process allow: how Linux holds a container, or a service, to a
share of the machine.

A group never gets more than those around it, so the least of all limits counts. Both versions of
control groups are read; where there are none, nothing is limited.
"""

from collections.abc import Iterator
from contextlib import suppress
from math import inf
from pathlib import Path

_ROOT = Path("/")


def cpu_limit() -> float:
    """Return how many CPUs' time this process may take, such as 1.5; infinite for all there are."""
    return min(map(_cpus, _groups("cpu")), default=inf)


def memory_limit() -> float:
    """Return how many bytes of memory this process may take; infinite for all there are."""
    return min(map(_bytes, _groups("memory")), default=inf)


def _cpus(group: Path) -> float:
    quota, period = (*_numbers(group / "cpu.max"), 0, 0)[:2]  # version 2
    if not quota:
        (quota, *_) = (*_numbers(group / "cpu.cfs_quota_us"), 0)  # version 1
        (period, *_) = (*_numbers(group / "cpu.cfs_period_us"), 0)
    return quota / period if quota > 0 and period > 0 else inf


def _bytes(group: Path) -> float:
    limits = [*_numbers(group / "memory.max"), *_numbers(group / "memory.limit_in_bytes")]
    return min(limits, default=inf)


def _numbers(file: Path) -> list[int]:
    """Return the numbers that a file begins with; none where it is not there or says `max`."""
    numbers: list[int] = []
    with suppress(OSError, ValueError):
        for word in file.read_text(encoding="ascii").split():
            numbers.append(int(word))
    return numbers


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders of the groups that this process is in and of those around them."""
    own: dict[str, str] = {}
    for line in _lines("proc/self/cgroup"):  # 4:cpu,cpuacct:/docker/8f3a, or 0::/docker/8f3a
        _, controllers, path = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(","), path)
    for line in _lines("proc/self/mountinfo"):  # 31 25 0:26 SHOWN MOUNT rw - KIND cgroup OPTIONS
        before, _, after = line.partition(" - ")
        (shown, mount), (kind, _, options) = before.split()[3:5], after.split(" ", 2)
        if kind == "cgroup2":
            path = own.get("", "/")
        elif kind == "cgroup" and controller in options.split(","):
            path = own.get(controller, "/")
        else:
            continue
        top = _ROOT / mount.lstrip("/")
        # in a container the mount may show only its own group, which is not called so in there
        inside = Path(path).relative_to(shown) if Path(path).is_relative_to(shown) else Path()
        yield from (top / part for part in (inside, *inside.parents))


def _lines(file: str) -> list[str]:
    with suppress(OSError):
        return (_ROOT / file).read_text(encoding="utf-8", errors="replace").splitlines()
    return []
