"""What of an input folder takes no part in a run, counted, so that nothing is left out unsaid."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_MOST_KINDS = 12
"""Of extensions, or of folders, that are named one by one: a whole disk has hundreds."""

NO_EXTENSION = "without extension"


@dataclass
class NotRead:
    """Files that are not read, and folders that are not entered."""

    by_extension: Counter[str] = field(default_factory=Counter)
    """Visible files whose name is not that of an image that is read, by extension, lower case."""
    hidden: int = 0
    """Files whose name begins with a dot."""
    folders: Counter[str] = field(default_factory=Counter)
    """Folders that are not entered, by name: hidden ones, thumbnails of a NAS, waste bins."""

    @property
    def files(self) -> int:
        """How many files are not read; those in `folders` are not counted."""
        return self.by_extension.total() + self.hidden

    def __bool__(self) -> bool:
        return bool(self.files or self.folders)

    def __str__(self) -> str:
        kinds = _named(self.by_extension) + ([f"{self.hidden} hidden"] if self.hidden else [])
        folders = _named(self.folders)
        parts = [f"not read: {', '.join(kinds)}"] if kinds else []
        parts += [f"folders not entered: {', '.join(folders)}"] if folders else []
        return "; ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Return the fields of a summary in JSON Lines."""
        return {
            "not_read": dict(_most_first(self.by_extension)),
            "hidden": self.hidden,
            "folders_not_entered": dict(_most_first(self.folders)),
        }


def _named(counts: Counter[str]) -> list[str]:
    """Return `500 .cr2` for each of a few, and how many the others are together."""
    ordered = _most_first(counts)
    words = [f"{count} {name}" for name, count in ordered[:_MOST_KINDS]]
    others = ordered[_MOST_KINDS:]
    if others:
        words.append(f"{sum(count for _, count in others)} of {len(others)} other kinds")
    return words


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
