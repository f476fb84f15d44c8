"""The sizes of the seed report's autoencoders, without torch: recipes are read before it is."""

from dataclasses import dataclass
from typing import ClassVar

from upscaler.errors import UsageError

ACTIVATIONS = (
    *("identity", "binary-step", "saturating-linear", "sigmoid", "tanh", "arctan"),
    *("relu", "prelu", "elu", "softplus", "softmax"),
)
NORMALISATIONS = ("none", "batch", "instance", "group")
POOLINGS = ("none", "max", "average")
"""What `seed.py` has of each."""

_LARGEST_BOTTLENECK = 100_000_000


@dataclass(frozen=True)
class SeedArchitecture:
    """The sizes that define one autoencoder of the report.

    Raises:
        UsageError: a shape that cannot be, or the name of a layer that is not known.
    """

    scale: ClassVar[int] = 1

    family: str = "seed"
    size: int = 256
    """Height and width of the pictures."""
    widths: tuple[int, ...] = (64, 128, 256)
    """Channels after each encoder layer."""
    kernel: int = 4
    stride: int = 2
    padding: int = 1
    activation: str = "relu"
    """After each encoder layer."""
    decoder: tuple[str, ...] = ("relu", "tanh", "tanh")
    """The activation after each decoder layer, the lowest first."""
    normalisation: str = "none"
    """After every convolution but the last, and after none that undoes the pooling."""
    pooling: str = "none"
    """After the last encoder layer, by 2; one more transposed convolution undoes it."""
    bottleneck: int = 0
    """Length of the vector that the lowest features are squeezed into; 0 leaves it out."""

    def __post_init__(self) -> None:
        for name in (self.activation, *self.decoder):
            _known(name, ACTIVATIONS)
        _known(self.normalisation, NORMALISATIONS)
        _known(self.pooling, POOLINGS)
        if len(self.decoder) != len(self.widths):
            raise UsageError(
                f"the network has {len(self.widths)} encoder layers and {len(self.decoder)} "
                f"activations in its decoder; give one each"
            )
        if not self.widths or min(*self.widths, self.kernel, self.stride, self.size) < 1:
            raise UsageError(f"no such network: {self}; every size must be 1 or more")
        if self.bottleneck > _LARGEST_BOTTLENECK:
            raise UsageError(f"a bottleneck of {self.bottleneck} is no bottleneck")
        if min(self.padding, self.bottleneck) < 0:
            raise UsageError(f"no such network: {self}; padding and bottleneck start at 0")
        if 2 * self.padding >= self.kernel:
            raise UsageError(
                f"padding {self.padding} is too much for kernel {self.kernel}; give less than half"
            )
        self._check_sizes()

    def _check_sizes(self) -> None:
        sizes = self.sizes
        if min(sizes) < 1:
            raise UsageError(
                f"kernel {self.kernel} with stride {self.stride} leaves nothing of "
                f"{self.size} pixels: {' -> '.join(map(str, sizes))}"
            )
        if self.pooling != "none" and sizes[-1] < 2:
            raise UsageError(
                f"pooling by 2 leaves nothing of {' -> '.join(map(str, sizes))} pixels"
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Height and width of the picture and after each encoder layer."""
        sizes = [self.size]
        for _ in self.widths:
            sizes.append((sizes[-1] + 2 * self.padding - self.kernel) // self.stride + 1)
        return tuple(sizes)


def _known(name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise UsageError(f"no layer {name!r} for the network; take one of {', '.join(names)}")
