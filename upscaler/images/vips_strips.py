"""Encoding by libvips what is never whole in memory: it pulls a picture, and pushes a file."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from upscaler.errors import PassingError
from upscaler.images.vips import pyvips


def encode_by_vips(
    pieces: Iterator[bytes],
    save: str,
    options: Mapping[str, Any],
    write: Callable[[bytes], None],
) -> None:
    """Have libvips encode a picture, piece by piece.

    Args:
        pieces: of a PNG file, see `png.stored_png`.
        save: the operation of libvips, such as `jpegsave_target`.
        options: of that operation.
        write: gets the pieces of the file that is made.

    Raises:
        PassingError: libvips fails; what `pieces` or `write` raise comes through.
    """
    feed, sink = _Feed(pieces), _Sink(write)
    source: Any = pyvips.SourceCustom()
    source.on_read(feed.read)
    target: Any = pyvips.TargetCustom()
    target.on_write(sink.write)
    try:
        image = pyvips.Image.pngload_source(source, access="sequential", fail_on="error")
        getattr(image, save)(target, **options)
    except pyvips.Error as error:
        raise feed.error or sink.error or PassingError(f"cannot be encoded: {error}") from None


class _Feed:
    """Lets libvips pull bytes from an iterator, and keeps what that raised."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, memoryview(b"")
        self.error: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            while not self._left:
                self._left = memoryview(next(self._pieces))
        except StopIteration:
            return b""
        except BaseException as error:  # nothing may pass through C
            self.error = error
            return b""
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)


class _Sink:
    """Lets libvips push bytes to a function, and keeps what that raised."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self.error: BaseException | None = None

    def write(self, piece: bytes) -> int:
        try:
            self._write(bytes(piece))
        except BaseException as error:  # nothing may pass through C
            self.error = error
            return -1
        return len(piece)
