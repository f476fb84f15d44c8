"""What had to be done to the tiles of a picture so that they came out right after all."""


class Repairs:
    """Counts them; for several threads."""

    def __init__(self, precision: str) -> None:
        self._precision = precision
        self._broken: list[None] = []  # appending is atomic, adding to a number is not
        self._divided: list[None] = []

    def computed_again(self) -> None:
        """A tile came out broken, and was computed again in fp32."""
        self._broken.append(None)

    def divided(self) -> None:
        """The memory was too small for a tile, and it was computed in halves."""
        self._divided.append(None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell of it, a phrase each."""
        notes = []
        if broken := len(self._broken):
            notes.append(
                f"{_tiles(broken)} came out broken in {self._precision}: computed again in fp32"
            )
        if divided := len(self._divided):
            notes.append(
                f"memory ran out on {_tiles(divided)}: computed in halves; a smaller --tile "
                f"or fewer --jobs need less"
            )
        return tuple(notes)


def _tiles(count: int) -> str:
    return f"{count} tile{'s' if count > 1 else ''}"
