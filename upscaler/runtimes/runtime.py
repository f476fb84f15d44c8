"""What every inference runtime is."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from upscaler.models import Model

Batch = NDArray[np.float32]

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
"""What arithmetic may be asked for."""


class Runtime(ABC):
    """A model made ready to run on one kind of hardware.

    Attributes:
        name: as in the table of runtimes.
        precision: the arithmetic that really runs.
        streams: how many calls of `infer` run side by side at full speed.
    """

    name: ClassVar[str]

    def __init__(self, model: Model, precision: str, streams: int) -> None:
        self.model, self.precision, self.streams = model, precision, streams

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
