"""What an element of a tensor sees of the input, along one axis."""

from dataclasses import dataclass, replace
from fractions import Fraction

from upscaler.errors import ModelError

_NONE = Fraction(0)


@dataclass(frozen=True)
class Reach:
    """Element j depends on the input pixels from `step * j + low` to `step * j + high`.

    Of an input of N pixels the tensor has `N / step + extra` elements. An element beyond these
    has to depend on pixels beyond the input: only then does a tile that holds all pixels an
    output depends on hold all elements on the way to it, too (`cut_off`).
    """

    step: Fraction = Fraction(1)
    low: Fraction = _NONE
    high: Fraction = _NONE
    extra: int = 0
    least: Fraction = _NONE
    """Pixels that a tile must have so that what is mirrored at one edge of it does not come from
    beyond the other."""

    def seeing(self, first: int, last: int) -> "Reach":
        """Each element now sees elements `first` to `last` around where it was."""
        return replace(self, low=self.low + self.step * first, high=self.high + self.step * last)

    def windowed(self, extent: int, before: int, after: int, stride: int) -> "Reach":
        """Windows of `extent` elements, one every `stride`, over the tensor padded at its ends."""
        seen = self.seeing(-before, extent - 1 - before)
        extra = (self.extra + before + after - extent) // stride + 1
        return replace(seen, step=self.step * stride, extra=extra)

    def enlarged(self, factor: int) -> "Reach":
        """Each element becomes `factor` neighbours: j comes from floor(j / factor)."""
        step = self.step / factor
        low = self.low - step * (factor - 1)
        return replace(self, step=step, low=low, extra=self.extra * factor)

    def padded(self, before: int, after: int) -> "Reach":
        """With elements of no content at both ends."""
        return replace(self.seeing(-before, -before), extra=self.extra + before + after)

    def mirroring(self, before: int, after: int) -> "Reach":
        """With the first `before` + 1 and the last `after` + 1 elements copied outwards."""
        left = self.step * before + self.high + 1
        right = self.step * (after + 1 - self.extra) - self.low
        return replace(self, least=max(self.least, left, right))

    def merged(self, other: "Reach") -> "Reach":
        """Both, element by element."""
        if self.step != other.step:
            raise ModelError(f"the graph joins tensors of scales 1/{self.step} and 1/{other.step}")
        if self.extra != other.extra:
            raise ModelError(
                f"the graph joins tensors that differ by {abs(self.extra - other.extra)} in size"
            )
        low, high = min(self.low, other.low), max(self.high, other.high)
        return replace(self, low=low, high=high, least=max(self.least, other.least))

    @property
    def cut_off(self) -> bool:
        """Whether there were elements beyond the ends that depend on the input alone."""
        return self.low > self.step - 1 or self.high < -self.step * self.extra
