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
        pieces: of a PNG file, none of them empty, see `png.stored_png`.
        save: the operation of libvips, such as `jpegsave_target`.
        options: of that operation.
        write: gets the pieces of the file that is made.

    Raises:
        PassingError: libvips fails; what `pieces` or `write` raise comes through.
    """
    errors: list[BaseException] = []

    def push(piece: Any) -> int:
        write(bytes(piece))
        return len(piece)

    source: Any = pyvips.SourceCustom()
    source.on_read(_guarded(_reader(pieces), b"", errors))
    target: Any = pyvips.TargetCustom()
    target.on_write(_guarded(push, -1, errors))
    try:
        image = pyvips.Image.pngload_source(source, access="sequential", fail_on="error")
        getattr(image, save)(target, **options)
    except pyvips.Error as error:
        raise next(iter(errors), PassingError(f"cannot be encoded: {error}")) from None


def _guarded(call: Callable[[Any], Any], failed: Any, errors: list[BaseException]) -> Any:
    """Return `call` such that what it raises, which cannot pass through C, goes into a list."""

    def guarded(argument: Any) -> Any:
        try:
            return call(argument)
        except BaseException as error:
            errors.append(error)
            return failed

    return guarded


def _reader(pieces: Iterator[bytes]) -> Callable[[int], bytes]:
    """Return what gives at most so many of the next bytes; none at the end."""
    left = memoryview(b"")

    def read(size: int) -> bytes:
        nonlocal left
        left = left or memoryview(next(pieces, b""))
        piece, left = left[:size], left[size:]
        return bytes(piece)

    return read
