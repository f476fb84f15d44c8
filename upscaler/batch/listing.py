"""Which files of the input folder take part."""

import hashlib
import os
import stat
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from upscaler.images import kept_format

_SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a link to a folder",
}
"""What is no file although it has the name of an image, by type."""


@dataclass(frozen=True)
class Shard:
    """One of several parts into which the files of a folder fall, by a hash of their paths."""

    number: int
    """From 1 to `count`."""
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, file: Path) -> bool:
        """Whether a path below the input folder belongs to this part; the same on any machine."""
        digest = hashlib.blake2b(os.fsencode(file.as_posix()), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.number - 1


@dataclass(frozen=True)
class Selection:
    """What is chosen of a folder's images.

    A pattern without a slash is held against the file's name, one with a slash against its whole
    path below the input folder; `*` matches slashes too.
    """

    include: tuple[str, ...] = ()
    """Only what matches one of these; all if there are none."""
    exclude: tuple[str, ...] = ()
    shard: Shard | None = None

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude or self.shard)

    def takes(self, file: Path) -> bool:
        """Whether a path below the input folder is chosen."""
        return (
            (not self.include or _matches(file, self.include))
            and not _matches(file, self.exclude)
            and (self.shard is None or self.shard.holds(file))
        )


EVERYTHING = Selection()


def _matches(file: Path, patterns: tuple[str, ...]) -> bool:
    path = file.as_posix()
    return any(fnmatchcase(path if "/" in each else file.name, each) for each in patterns)


@dataclass
class Listing:
    """What lies below the input folder, in an order that never depends on timing."""

    files: list[Path] = field(default_factory=list)
    """Images by their name, relative."""
    ignored: int = 0
    """Files without a known image extension, hidden ones, and `passed_over`."""
    passed_over: dict[str, str] = field(default_factory=dict)
    """What was not followed or is no file though its name is an image's, with what it is."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Folders that could not be listed, with the reason of each."""


def list_images(source: Path, output: Path) -> Listing:
    """List `source`, links to folders not followed, so that no loop is endless.

    Args:
        output: a folder that is not entered if it lies below.
    """
    found = Listing()

    def note(error: OSError) -> None:
        found.unreadable[str(error.filename)] = error.strerror or str(error)

    skip = output.resolve()
    for folder, folders, names in os.walk(source, onerror=note):
        here = Path(folder)
        below = here.relative_to(source)
        visible = sorted(name for name in folders if not name.startswith("."))
        for name in visible:
            if (here / name).is_symlink():
                _pass_over(found, here / name, source, stat.S_IFDIR)
        folders[:] = [name for name in visible if (here / name).resolve() != skip]
        for name in sorted(names):
            path = here / name
            if name.startswith(".") or kept_format(path) is None:
                found.ignored += 1
            elif (kind := _kind(path)) in _SPECIAL:
                _pass_over(found, path, source, kind)
            else:
                found.files.append(below / name)
    return found


def _pass_over(found: Listing, path: Path, source: Path, kind: int) -> None:
    found.ignored += 1
    found.passed_over[path.relative_to(source).as_posix()] = _SPECIAL[kind]


def _kind(path: Path) -> int:
    """Return the type of a file; what cannot be told is tried, and fails when it is read."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return stat.S_IFREG
