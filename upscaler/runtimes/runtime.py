"""What every inference runtime is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from upscaler.models import Model

Batch = NDArray[np.float32]
Pixels = NDArray[np.uint8]

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
"""What arithmetic may be asked for."""


class Runtime(ABC):
    """A model made ready to run on one kind of hardware.

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

    @classmethod
    @abstractmethod
    def precisions(cls) -> tuple[str, ...]:
        """Return the precisions this machine offers here, the fastest first.

        Raises:
            RuntimeUnavailable: the runtime does not exist on this machine.
        """

    @classmethod
    def is_ready(cls, model: Model, precision: str, device: int) -> bool:
        """Whether it opens at once; if not, it has something to build first."""
        return True

    @abstractmethod
    def infer(self, batch: Batch) -> Batch:
        """Upscale a batch; safe to call from several threads.

        Args:
            batch: RGB float32 (N, 3, H, W) in [0, 1], H and W multiples of the alignment.

        Returns:
            float32 (N, 3, scale*H, scale*W), not clamped, owned by the caller.
        """

    def confirm(self) -> None:
        """Take note that it computed the probe right."""
        self.proved = True


class BrokenTile(ArithmeticError):
    """What came out are no numbers."""


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


def whole(pixels: Pixels, totals: NDArray[np.float32]) -> Pixels:
    """Return the pixels of a `PixelForm`, or raise BrokenTile if its sums are no numbers."""
    if not np.isfinite(totals).all():
        raise BrokenTile("not finite")
    return pixels


def through_floats(infer: Callable[[Batch], Batch], pixels: Pixels) -> Pixels:
    """Do what `infer_pixels` does by means of `infer`."""
    batch = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
    batch *= np.float32(1 / 255)
    output = infer(batch)
    if not np.isfinite(output).all():
        raise BrokenTile("not finite")
    np.clip(output, 0, 1, out=output)
    output *= 255
    output += 0.5
    return np.ascontiguousarray(output.astype(np.uint8).transpose(0, 2, 3, 1))
