"""Where a page has its pictures from: inside it, or from files that it links."""

import base64
import io
import os
import re
import shutil
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from PIL import Image

from upscaler.batch.plan.listing import STATE_FOLDER
from upscaler.errors import OutputError, UsageError
from upscaler.images import image_from, open_picture, open_small

SHOWN = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}
"""What every browser shows, by Pillow's name, and how it is called there."""

_LARGEST_SIDE, _MOST_PIXELS = 16_000, 128_000_000
"""Of what browsers show whole."""

_REDUCED = 8_000
"""The longer side of what is shown in the place of a larger picture, in pixels."""

_MARK = Path(STATE_FOLDER, "page")
"""In the folder of a page: it is ours, and no run takes the small copies for pictures."""

_COPY = re.compile(r"\d{5,}(-\d+)?\.(webp|png)")
"""What copies are called, by the place of their row."""


class Store(Protocol):
    """Gives addresses to pictures."""

    def small(self, name: str, image: Image.Image) -> str:
        """Keep a small copy; return its address."""

    def whole(self, name: str, path: Path, kind: str, width: int, height: int) -> str:
        """Return the address of a picture, or of a copy that a browser can show.

        Args:
            name: of the copy, without an ending.
            kind: the picture's format, see `images.kind_of`.
        """


class Inside:
    """Everything is in the page itself."""

    def small(self, name: str, image: Image.Image) -> str:
        """See `Store`."""
        return _data("image/webp", webp(image))

    def whole(self, name: str, path: Path, kind: str, width: int, height: int) -> str:
        """See `Store`."""
        if is_shown(kind, width, height):
            return _data(SHOWN[kind], path.read_bytes())
        return _data("image/png", shown_copy(path, width, height))


class Beside:
    """Small copies lie in a folder beside the page; pictures stay where they are, and are linked.

    Args:
        page: the file of the page.

    Raises:
        UsageError: the names that it may have are taken.
        OutputError: it cannot be made.
    """

    def __init__(self, page: Path) -> None:
        self._page = page.absolute()
        self._folder = _folder_of(self._page)
        try:
            if self._folder.exists():
                shutil.rmtree(self._folder)
            (self._folder / _MARK).parent.mkdir(parents=True)
            (self._folder / _MARK).touch()
        except OSError as error:
            raise OutputError(f"cannot make {self._folder}: {error.strerror}") from None

    def small(self, name: str, image: Image.Image) -> str:
        """See `Store`."""
        return self._kept(f"{name}.webp", webp(image))

    def whole(self, name: str, path: Path, kind: str, width: int, height: int) -> str:
        """See `Store`."""
        if is_shown(kind, width, height):
            return address(os.path.relpath(path.absolute(), self._page.parent))
        return self._kept(f"{name}.png", shown_copy(path, width, height))

    def _kept(self, name: str, content: bytes) -> str:
        try:
            (self._folder / name).write_bytes(content)
        except OSError as error:
            raise OutputError(f"cannot write into {self._folder}: {error.strerror}") from None
        return address(f"{self._folder.name}/{name}")


def _folder_of(page: Path) -> Path:
    """Return the folder beside a page: one that is not there yet, or that of a page before."""
    folder = page.with_suffix("")
    others = folder, folder.with_name(f"{folder.name}-page")  # `large` may be the output folder
    for each in others:
        if not each.exists() or _is_only_ours(each):
            return each
    names = " and ".join(each.name for each in others)
    raise UsageError(
        f"{names} beside the page, where small pictures would go, are there already; give the page "
        f"another name"
    )


def _is_only_ours(folder: Path) -> bool:
    """Whether nothing but small copies is lost with a folder: a run may have made it its output."""
    if not (folder / _MARK).is_file():
        return False
    kept = [path for path in folder.iterdir() if path.name != STATE_FOLDER]
    state = list((folder / STATE_FOLDER).iterdir())
    return len(state) == 1 and all(_COPY.fullmatch(path.name) for path in kept)


def is_shown(kind: str, width: int, height: int) -> bool:
    """Whether a browser shows a picture of some format and size as it is."""
    small = max(width, height) <= _LARGEST_SIDE and width * height <= _MOST_PIXELS
    return kind in SHOWN and small


def shown_copy(path: Path, width: int, height: int) -> bytes:
    """Return a picture as a PNG that a browser shows; smaller, if it is too large for one.

    Raises:
        ImageError: it cannot be read.
    """
    if is_shown("PNG", width, height):
        picture = open_picture(path)
        image, profile = image_from(picture), picture.icc
    else:
        image, profile = open_small(path, _REDUCED).image, None
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1, icc_profile=profile)
    return file.getvalue()


def webp(image: Image.Image) -> bytes:
    """Return a small picture as a file."""
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80, method=1)
    return file.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def address(path: str) -> str:
    """Return a path below the page's folder as a browser takes it, also of names that are no text.

    A leading `./` keeps a colon in the first part from looking like a protocol.
    """
    return "./" + quote(os.fsencode(path.replace(os.sep, "/")))
