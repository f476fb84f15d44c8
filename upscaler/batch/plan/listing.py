"""Which files of the input folder take part."""

import hashlib
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from upscaler.batch.not_read import NO_EXTENSION, NotRead
from upscaler.images import kept_format

STATE_FOLDER = ".upscaler"
"""Where an output folder keeps its journal and lock."""

_SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a link to a folder",
}
"""What is no file although it has the name of an image, by type."""

_NOT_ENTERED = (
    *("@eadir", "@tmp", "@sharebin", "#recycle", "#snapshot"),  # Synology
    *("@recycle", "@recently-snapshot"),  # QNAP, whose `.@__thumb` is hidden
    *("$recycle.bin", "recycler", "system volume information"),  # Windows
    *("__macosx", "*.photoslibrary", "*.photolibrary", "*.aplibrary", "*.lrdata"),  # Apple, Adobe
    "lost+found",
)
"""Names of folders, in lower case, that hold thumbnails, waste or another program's files."""


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
    path below the input folder; `*` matches slashes too. What excludes a folder excludes all in it.
    """

    include: tuple[str, ...] = ()
    """Only what matches one of these; all if there are none."""
    exclude: tuple[str, ...] = ()
    shard: Shard | None = None
    usual: tuple[str, ...] = ()
    """Patterns of `exclude` that hold for every run, and need not match anything in this one."""

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude or self.shard)

    def takes(self, file: Path) -> bool:
        """Whether a path below the input folder is chosen."""
        return (
            (not self.include or _matches(file, self.include))
            and not _matches(file, self.exclude)
            and not any(_matches(folder, _of_folders(self.exclude)) for folder in file.parents)
            and (self.shard is None or self.shard.holds(file))
        )

    def unmatched(self, files: Collection[Path]) -> str:
        """Return in a line which patterns match none of these files; nothing if all match one."""
        folders = {folder for file in files for folder in file.parents}
        found = [
            ("--include", self.include, files),
            ("--exclude", self.exclude, folders | {*files}),
        ]
        useless = [
            f"{option} {pattern!r}"
            for option, patterns, paths in found
            for pattern in patterns
            if pattern not in self.usual
            and not any(_matches(path, _of_folders((pattern,))) for path in paths)
        ]
        return f"no image matches {' or '.join(useless)}" if useless else ""


EVERYTHING = Selection()


def _of_folders(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return patterns without the slash that shells put behind a folder's name."""
    return tuple(pattern.rstrip("/") or pattern for pattern in patterns)


def _matches(file: Path, patterns: tuple[str, ...]) -> bool:
    path = file.as_posix()
    return any(fnmatchcase(path if "/" in each else file.name, each) for each in patterns)


@dataclass
class Listing:
    """What lies below the input folder, in an order that never depends on timing."""

    files: list[Path] = field(default_factory=list)
    """Images by their name, relative."""
    not_read: NotRead = field(default_factory=NotRead)
    passed_over: dict[str, str] = field(default_factory=dict)
    """What was not entered, or is no file though its name is an image's, with what it is."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Folders that could not be listed, with the reason of each."""


def list_images(source: Path, output: Path) -> Listing:
    """List `source`, links to folders not followed, so that no loop is endless.

    Nor are output folders of earlier runs entered: what `upscaler` made is not made larger again
    because it lies beside the originals. `source` itself may be one.

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
        names_of_folders, folders[:] = sorted(folders), []
        for name in names_of_folders:
            path = here / name
            if name == STATE_FOLDER or (not path.is_symlink() and path.resolve() == skip):
                continue  # this run's own
            if _is_of_a_system(name):
                found.not_read.folders[name] += 1
                continue
            if why := _closed(path):
                _pass_over(found, path, source, why)
            else:
                folders.append(name)
        for name in sorted(names):
            path = here / name
            if name.startswith("."):
                found.not_read.hidden += 1
            elif kept_format(path) is None:
                found.not_read.by_extension[path.suffix.lower() or NO_EXTENSION] += 1
            elif (kind := _kind(path)) in _SPECIAL:
                _pass_over(found, path, source, _SPECIAL[kind])
            else:
                found.files.append(below / name)
    return found


def _is_of_a_system(name: str) -> bool:
    """Whether a folder is hidden, or not meant for people."""
    return name.startswith(".") or any(fnmatchcase(name.lower(), each) for each in _NOT_ENTERED)


def _closed(folder: Path) -> str:
    """Return what a folder is that is not entered, or nothing."""
    if folder.is_symlink():
        return _SPECIAL[stat.S_IFDIR]
    return "the output folder of a run" if (folder / STATE_FOLDER).is_dir() else ""


def _pass_over(found: Listing, path: Path, source: Path, what: str) -> None:
    found.passed_over[path.relative_to(source).as_posix()] = what


def _kind(path: Path) -> int:
    """Return the type of a file; what has no known type is tried, and fails when it is read."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return stat.S_IFREG
