"""What every inference runtime is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, TypeVar

from upscaler.models import Model
from upscaler.runtimes.pixels import Batch, Pixels

Output = TypeVar("Output")

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
"""What arithmetic may be asked for."""


class Runtime(ABC):
    """A model made ready to run on one kind of hardware.

    Raises:
        NotReady: it is a BuiltRuntime, and has something to build first.
        RuntimeUnavailable: it does not open.

    Attributes:
        name: as in the table of runtimes.
        precision: the arithmetic that really runs.
        streams: how many calls run side by side at full speed.
        device: the number of the GPU, where it runs on one.
        proved: whether it has computed the probe right.
    """

    name: ClassVar[str]

    takes_floats = True
    """Whether `infer` is there; a runtime that only takes pixels cannot carry 16 bits."""
    largest_side: int | None = None
    """Of a tile with its margins, in pixels; None for any."""

    def __init__(self, model: Model, precision: str, streams: int, device: int = 0) -> None:
        self.model, self.precision = model, precision
        self.streams, self.device = streams, device
        self.proved = False

    @property
    def at_once(self) -> int:
        """How many calls at once keep it busy."""
        return self.streams

    def together(self, height: int, width: int) -> int:
        """Return how many tiles of a shape, margins included, it computes in one go."""
        return 1

    @classmethod
    @abstractmethod
    def precisions(cls) -> tuple[str, ...]:
        """Return the precisions this machine offers here, the fastest first.

        Raises:
            RuntimeUnavailable: the runtime does not exist on this machine.
        """

    @abstractmethod
    def infer(self, batch: Batch) -> Batch:
        """Upscale a batch; safe to call from several threads.

        Args:
            batch: RGB float32 (N, 3, H, W) in [0, 1], H and W multiples of the alignment.

        Returns:
            float32 (N, 3, scale*H, scale*W), not clamped, owned by the caller.
        """

    def infer_then(self, batch: Batch, use: Callable[[Batch], Output]) -> Output:
        """Upscale a batch and return what `use` makes of the output, which it may overwrite.

        The output may be lent for the length of that call, which saves a copy of it.
        """
        return use(self.infer(batch))

    def confirm(self) -> None:
        """Take note that it computed the probe right; raises nothing."""
        self.proved = True


class TriedRuntime(Runtime):
    """A runtime that `auto` takes only after a trial beside a run, whose outcome is remembered."""

    @classmethod
    @abstractmethod
    def record_failure(cls, model: Model, precision: str, device: int, reason: str) -> None:
        """Remember that it is not worth taking, so that `auto` does not try it every time."""

    @classmethod
    @abstractmethod
    def recorded_failure(cls, model: Model, precision: str, device: int) -> str | None:
        """Return the reason that `record_failure` was given, or None."""

    @classmethod
    def record_gain(cls, model: Model, precision: str, device: int) -> None:
        """Remember that it was measured to be worth taking; needless where opening shows that."""

    @classmethod
    def check_tried(cls, model: Model, precision: str, device: int) -> None:
        """Raise NotReady if `auto` has to try it beside a run first, as far as known unopened."""


class BuiltRuntime(TriedRuntime):
    """A runtime that opens only with something that was built for it, and kept."""

    @classmethod
    @abstractmethod
    def make_ready(cls, model: Model, precision: str, device: int) -> None:
        """Build it; may take minutes.

        Raises:
            StartError: it cannot be built, or not be kept.
        """


class PixelRuntime(Runtime):
    """A runtime to which 8-bit pictures cross as bytes."""

    @abstractmethod
    def infer_pixels(self, pixels: Pixels) -> Pixels:
        """Upscale pixels; safe to call from several threads.

        Args:
            pixels: RGB uint8 (N, H, W, 3), H and W multiples of the alignment.

        Returns:
            uint8 (N, scale*H, scale*W, 3), owned by the caller.

        Raises:
            BrokenTile: the values before rounding were not all finite.
        """
