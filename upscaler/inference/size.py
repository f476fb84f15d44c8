"""How large a picture shall become."""

from dataclasses import dataclass

from upscaler.errors import ImageError, UsageError


@dataclass(frozen=True)
class Size:
    """The size of an output: a multiple of the input, or the length of one side in pixels."""

    scale: float
    """Used where no side is given."""
    width: int | None = None
    height: int | None = None
    long_side: int | None = None

    def __post_init__(self) -> None:
        """Check that one side at most is given: the others follow from the picture's shape.

        Raises:
            UsageError: there are several.
        """
        sides = {"--width": self.width, "--height": self.height, "--long-side": self.long_side}
        given = [name for name, value in sides.items() if value is not None]
        if len(given) > 1:
            raise UsageError(f"give one of {' and '.join(given)}, the other side follows from it")

    def is_scale(self, scale: float) -> bool:
        """Whether it is this multiple, whatever the picture."""
        return self == Size(scale)

    def __str__(self) -> str:
        """Say it in a few letters, such as x2.5 or width 1920."""
        sides = {"width": self.width, "height": self.height, "long side": self.long_side}
        given = [f"{name} {value}" for name, value in sides.items() if value]
        return given[0] if given else f"x{self.scale:g}"

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of what becomes of a picture of `width` x `height`, in pixels."""
        factor = self.scale
        if self.width:
            factor = self.width / width
        elif self.height:
            factor = self.height / height
        elif self.long_side:
            factor = self.long_side / max(width, height)
        return max(1, round(width * factor)), max(1, round(height * factor))

    def within(self, scale: int, width: int, height: int) -> tuple[int, int]:
        """Return the same, if a network that makes pictures `scale` times as large can make it.

        Raises:
            ImageError: it is larger than that.
        """
        made = self.of(width, height)
        if made[0] > scale * width or made[1] > scale * height:
            factor = max(made[0] / width, made[1] / height)
            raise ImageError(
                f"would have to become {factor:.2f} times as large, and the model makes {scale} "
                f"times; use a larger --scale, or a smaller size"
            )
        return made
