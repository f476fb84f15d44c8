"""The pictures behind the page: those of the folders that were named, and no others."""

import base64
import os
import secrets
from pathlib import Path
from typing import Any

from PIL import Image

from upscaler.batch.plan.listing import list_images
from upscaler.errors import UsageError
from upscaler.hardware import system
from upscaler.images import kept_format, kind_of, open_small
from upscaler.page.album import entries_of
from upscaler.page.comparison import Comparison, Row, Version
from upscaler.page.folders import OutputFolder
from upscaler.page.store import SHOWN, is_shown, shown_copy, webp

SMALL = 384
"""Of the square that small pictures fit, in pixels."""

_EVERYBODYS = 0o666
"""What a dropped picture may have of permissions; the umask takes its part away."""


def id_of(name: str) -> str:
    """Return a path as letters that may stand in an address, also one that is no text."""
    return base64.urlsafe_b64encode(os.fsencode(name)).decode().rstrip("=")


def name_of(id: str) -> str:
    """Return the path again.

    Raises:
        ValueError: it is none.
    """
    return os.fsdecode(base64.b64decode(id + "=" * (-len(id) % 4), b"-_", validate=True))


class Library:
    """The pictures of a folder, and what was made of them.

    Args:
        source, output: the folders; `output` need not be there yet.
    """

    def __init__(self, source: Path, output: Path) -> None:
        self.source, self.output = source, output

    def files(self) -> list[dict[str, str]]:
        """Return name and address of each picture, and the address of what was made of it."""
        folder, found = OutputFolder(self.output), []
        for file in list_images(self.source, self.output).files:
            one = {"name": file.as_posix(), "id": id_of(file.as_posix())}
            _, version = folder.find(self.source, file)
            if version is not None:
                one["made"] = self.made(version.path)
            found.append(one)
        return found

    def made(self, target: Path) -> str:
        """Return the address of an output."""
        return id_of(target.relative_to(self.output).as_posix())

    def path(self, side: str, name: str) -> Path:
        """Return the file of a picture.

        Args:
            side: `before` or `after`.
            name: a path below the folder in either case.

        Raises:
            KeyError: it is none of the folder's pictures.
        """
        root = {"before": self.source, "after": self.output}[side]
        file = Path(name)
        inside = not file.is_absolute() and ".." not in file.parts
        if not inside or kept_format(file) is None or file.name.startswith("."):
            raise KeyError(name)
        path = root / file
        if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
            raise KeyError(name)
        return path

    def entry(self, name: str) -> dict[str, Any]:
        """Return what the viewer shows of a picture and its output."""
        before = self.path("before", name)
        output, version = OutputFolder(self.output).find(self.source, Path(name))
        row = Row(name, (Version(before), version), output.reason if output else "")
        store = _Served(self)
        comparison = Comparison("", ("before", "after"), [row])
        return next(entries_of(comparison, store))

    def small(self, side: str, name: str) -> bytes:
        """Return a small copy of a picture, as WebP."""
        return webp(open_small(self.path(side, name), SMALL).image)

    def shown(self, side: str, name: str) -> tuple[Path | bytes, str]:
        """Return a picture, or a copy that a browser shows, and its type."""
        path = self.path(side, name)
        size, kind = open_small(path, 1), kind_of(path)
        if is_shown(kind, size.width, size.height):
            return path, SHOWN[kind]
        return shown_copy(path, size.width, size.height), "image/png"

    def expect(self, name: str) -> Path:
        """Create an empty file for a picture that is dropped on the page; nothing is replaced.

        Raises:
            UsageError: its name is not that of a picture.
        """
        file = Path(name)
        if file.name != name or name.startswith(".") or "\0" in name or kept_format(file) is None:
            raise UsageError(f"{name} is not the name of an image")
        number = 1
        while True:
            path = self.source / (name if number == 1 else f"{file.stem}-{number}{file.suffix}")
            try:
                path.open("xb").close()
            except FileExistsError:
                number += 1
            else:
                return path

    def draft(self) -> Path:
        """Return a new hidden file in the folder, which no run takes for a picture."""
        path = self.source / f".upscaler-drop-{secrets.token_hex(8)}.part"
        system.create(path, _EVERYBODYS).close()
        return path


class _Served:
    """Pictures have addresses of the server; see `page.store.Store`."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def small(self, name: str, image: Image.Image) -> str:
        """Nothing: the page has addresses of small pictures by itself."""
        return ""

    def whole(self, name: str, path: Path, kind: str, width: int, height: int) -> str:
        """See `Store`."""
        for side, root in (("before", self._library.source), ("after", self._library.output)):
            if path.is_relative_to(root):
                return f"picture/{side}/{id_of(path.relative_to(root).as_posix())}"
        raise KeyError(name)
