"""A picture that only becomes smaller."""

from collections.abc import Callable
from dataclasses import replace

from upscaler.images import Picture, resample
from upscaler.inference.size import Size
from upscaler.models.restoration import Restoration


class Reduction:
    """What `Enlargement` is to a picture that no network sees."""

    restoration: Restoration | None = None
    tile_shape: tuple[int, int] | None = None

    def __init__(self, picture: Picture, size: Size, *, wrap: bool) -> None:
        self.tiles: list[Callable[[], None]] = []
        self._picture, self._size, self._wrap = picture, size, wrap

    def finish(self) -> Picture:
        """Return the smaller picture."""
        return self._reduced(self._picture)

    def _reduced(self, picture: Picture) -> Picture:
        width, height = self._size.of(picture.width, picture.height)
        following = tuple(map(self._reduced, picture.following))
        if (width, height) != (picture.width, picture.height):
            picture = resample(picture, width, height, wrap=self._wrap)
        return replace(picture, following=following)
