"""Whether a measurement is slower than an earlier one, beyond what rounds differ by anyway."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upscaler.errors import UsageError

_LEAST_ALLOWANCE = 0.05
"""Part of the speed: two measurements of the same thing differ by so much."""

_LARGEST_ALLOWANCE = 0.5
"""Half the speed is slower, however restless the machine."""

_KEY = ("model", "runtime", "precision")


@dataclass(frozen=True)
class Slowdown:
    """One row that has become slower."""

    what: str
    before: float
    after: float
    """Speeds relative to the reference that each was measured beside."""
    allowance: float

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.after / self.before:.2f} times as fast as before, "
            f"beside the same reference (noise: {self.allowance:.0%})"
        )


def slowdowns(earlier: Path, rows: list[dict[str, Any]]) -> list[Slowdown]:
    """Compare rows of `upscaler bench --json` with those in a file.

    Speeds beside a reference of the same rounds are compared, not megapixels a second: these
    change with the machine and with what else it does.

    Raises:
        UsageError: the file is not such an output, or has no row in common.
    """
    old = {_key(row): row for row in _read(earlier)}
    common = [(old[_key(row)], row) for row in rows if _key(row) in old]
    if not common:
        raise UsageError(f"{earlier} has nothing that was measured now, so nothing can be compared")
    found = []
    for before, after in common:
        noise = max(_LEAST_ALLOWANCE, before["spread"] + after["spread"])
        allowance = min(_LARGEST_ALLOWANCE, noise)
        change = Slowdown(" ".join(_key(after)[1:]), _speed(before), _speed(after), allowance)
        if change.after < change.before * (1 - allowance):
            found.append(change)
    return found


def _speed(row: dict[str, Any]) -> float:
    """Higher is faster: of a whole run, the limit's seconds beside its own."""
    return 1 / row["ratio"] if "limit_seconds" in row else float(row["ratio"])


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return ("run" if "limit_seconds" in row else "network", *(str(row[name]) for name in _KEY))


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for row in rows:
            float(row["ratio"]), float(row["spread"]), _key(row)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path} is not an output of `upscaler bench --json`") from None
    return rows
