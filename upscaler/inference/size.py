"""How large a picture shall become."""

import math
from dataclasses import dataclass
from numbers import Real

from upscaler.errors import ImageError, UsageError
from upscaler.models import DEFAULT_SCALE, Model


@dataclass(frozen=True)
class Size:
    """The size of an output: a multiple of the input, or the length of one side in pixels.

    The shape stays, so one side says the other. A side may ask for at most what the model makes:
    larger ones are an ImageError of that picture. A picture that becomes smaller goes through no
    network.

    Raises:
        UsageError: a scale below 1, a side that is no number of pixels, or two sides.
    """

    scale: float = DEFAULT_SCALE
    """Used where no side is given."""
    width: int | None = None
    height: int | None = None
    long_side: int | None = None

    def __post_init__(self) -> None:
        if not _is_number(self.scale) or not 1 <= self.scale < math.inf:
            raise UsageError(f"scale is {self.scale!r}; give a number from 1, such as 2 or 1.5")
        sides = {"width": self.width, "height": self.height, "long_side": self.long_side}
        given = {name: value for name, value in sides.items() if value is not None}
        if len(given) > 1:
            flags = [f"--{name.replace('_', '-')}" for name in given]
            raise UsageError(f"give one of {' and '.join(flags)}, the other side follows from it")
        for name, value in given.items():
            if not _is_number(value) or value < 1 or value % 1:
                raise UsageError(f"{name} is {value!r}; give a number of pixels above 0")

    @property
    def sided(self) -> bool:
        """Whether it is the length of a side, which each picture needs another factor for."""
        return self != Size(self.scale)

    def is_scale(self, scale: float) -> bool:
        """Whether it is this multiple, whatever the picture."""
        return self == Size(scale)

    def enlarges(self, width: int, height: int) -> bool:
        """Whether a picture of `width` x `height` pixels becomes larger, or is just a multiple."""
        return not self.sided or self.of(width, height) > (width, height)

    def __str__(self) -> str:
        """Say it in a few letters, such as x2.5 or width 1920."""
        sides = {"width": self.width, "height": self.height, "long side": self.long_side}
        given = [f"{name} {value}" for name, value in sides.items() if value]
        return given[0] if given else f"x{self.scale:g}"

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of what becomes of a picture of `width` x `height`, in pixels."""
        factor = self._factor(width, height)
        return max(1, round(width * factor)), max(1, round(height * factor))

    def network(self, model: Model, width: int, height: int) -> Model | None:
        """Return what a picture of `width` x `height` pixels goes through; None if it is only
        made smaller.
        """
        if not self.enlarges(width, height):
            return None
        return model.for_factor(self._factor(width, height))

    def _factor(self, width: int, height: int) -> float:
        if self.width:
            return self.width / width
        if self.height:
            return self.height / height
        return self.long_side / max(width, height) if self.long_side else self.scale

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
                f"times; give a smaller size, or a larger --scale if the model has one"
            )
        return made


def wanted_size(scale: float, size: Size | None) -> Size:
    """Return what pictures shall become: `size`, or `scale` times the input where it is None.

    Raises:
        UsageError: one of them is something else.
    """
    plain = Size(scale)  # checked, also where it only says which network is taken
    if size is None:
        return plain
    if not isinstance(size, Size):
        raise UsageError(f"size is {size!r}; give a Size, such as Size(width=1920)")
    return size


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
