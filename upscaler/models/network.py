"""AE-U: a convolutional autoencoder that works on the low-resolution image.

The encoder halves the image with the strided 4x4 convolution of the project's first
autoencoder, the decoder brings it back with a pixel shuffle, and skips are added, not
concatenated. The network learns what bicubic interpolation misses: its last convolution
starts at zero and its output is added to a frozen, exact bicubic enlargement.

    input ─┬─ head ─┬─ encoder ─┬─ down ─ level below ─ up ─ + ─ decoder ─ + ─ tail ─ + ─ shuffle
           │        │           └────────── skip ────────────┘             │          │
           │        └───────────────────────── skip ───────────────────────┘          │
           └────────────────────────── bicubic, frozen ───────────────────────────────┘

The level below is the same again at half the resolution, or residual blocks at the lowest. Before
the last of these a branch at half of that may join, whose last convolution starts at zero, too: so
a network can grow one without losing what it has learnt.

Only Conv, ReLU, Add, PixelShuffle, and for the bicubic base one edge Pad and one Concat of the
input with itself: what every runtime does fast and exactly.
"""

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from upscaler.models.spec import Architecture
from upscaler.quality.metrics import cubic


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)


def _stack(width: int, layers: int) -> nn.Sequential:
    """`layers` times Conv3x3 + ReLU at one width."""
    parts: Iterable[nn.Module] = (
        part for _ in range(layers) for part in (_conv(width, width), nn.ReLU(inplace=True))
    )
    return nn.Sequential(*parts)


class ResidualBlock(nn.Module):
    """Conv3x3 - ReLU - Conv3x3, added to its input (EDSR, Lim et al. 2017, without scaling)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = _conv(width, width)
        with torch.no_grad():  # starts close to the identity, so that depth does not hurt early on
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> the same shape."""
        out: Tensor = x + self.second(F.relu(self.first(x)))
        return out


class Context(nn.Module):
    """Residual blocks at half the resolution, added to the input."""

    def __init__(self, width: int, narrow: int, blocks: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(width, narrow, kernel_size=4, stride=2, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(narrow) for _ in range(blocks)))
        self.up = nn.Conv2d(narrow, 4 * width, kernel_size=1)
        nn.init.zeros_(self.up.weight)
        assert self.up.bias is not None
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> the same shape; H and W divisible by 2."""
        below = self.blocks(F.relu(self.down(x)))
        out: Tensor = x + F.pixel_shuffle(self.up(below), 2)
        return out


class Level(nn.Module):
    """One resolution of the autoencoder with everything below it."""

    def __init__(self, architecture: Architecture, depth: int = 0) -> None:
        super().__init__()
        width = architecture.widths[depth]
        self.below: nn.Module
        if depth + 1 == len(architecture.widths):
            self.below = nn.Sequential(*(ResidualBlock(width) for _ in range(architecture.blocks)))
            self.context = None
            if architecture.context:
                self.context = Context(width, architecture.context, architecture.context_blocks)
            self.lowest = True
            return
        self.lowest = False
        narrow = architecture.widths[depth + 1]
        self.encoder = _stack(width, architecture.encoder)
        self.down = nn.Conv2d(width, narrow, kernel_size=4, stride=2, padding=1)
        self.below = Level(architecture, depth + 1)
        self.up = nn.Conv2d(narrow, 4 * width, kernel_size=1)
        self.decoder = _stack(width, architecture.decoder)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> the same shape; H and W divisible by 2 per level below."""
        if self.lowest:
            return self._at_the_bottom(x)
        x = self.encoder(x)
        below = self.below(F.relu(self.down(x)))
        out: Tensor = self.decoder(x + F.pixel_shuffle(self.up(below), 2))
        return out

    def _at_the_bottom(self, x: Tensor) -> Tensor:
        assert isinstance(self.below, nn.Sequential)
        last = len(self.below) - 1
        for number, block in enumerate(self.below):
            if number == last and self.context is not None:
                x = self.context(x)
            x = block(x)
        return x


class BicubicBase(nn.Module):
    """Exact bicubic enlargement (Keys 1981, a = -0.5), before its pixel shuffle.

    An output pixel lies at most half an input pixel from its nearest one, so five taps per
    axis hold the whole kernel. Edges repeat the outermost pixel.

    Each weight is split into the part that bfloat16 holds and the rest, on a second copy of
    the input: rounded to bfloat16 whole, the weights would brighten a white image by 0.4 of
    255, which costs 0.04 dB. The convolution is dense: OpenVINO is no faster at a grouped one.

    `gain` multiplies the output.
    """

    weight: Tensor

    def __init__(self, scale: int, gain: float = 1) -> None:
        super().__init__()
        phase = (np.arange(scale) + 0.5) / scale - 0.5
        line = torch.as_tensor(cubic(phase[:, None] - np.arange(-2, 3)))
        kernel = torch.einsum("iy,jx->ijyx", line, line).reshape(scale * scale, 5, 5)
        kernel = (gain * kernel).float()
        coarse = kernel.bfloat16().float()
        weight = torch.zeros(3, scale * scale, 2, 3, 5, 5)
        for channel in range(3):
            weight[channel, :, 0, channel] = coarse
            weight[channel, :, 1, channel] = kernel - coarse
        # not persistent: it follows from the scale, so checkpoints need not carry it
        self.register_buffer("weight", weight.reshape(-1, 6, 5, 5), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3 * scale**2, H, W)."""
        x = F.pad(x, (2, 2, 2, 2), mode="replicate")
        return F.conv2d(torch.cat([x, x], dim=1), self.weight)


class AutoEncoder(nn.Module):
    """The AE-U upscaler; `architecture` gives its sizes.

    Maps RGB float (N, 3, H, W) in [0, 1] to (N, 3, scale * H, scale * W), not clamped.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        width = architecture.widths[0]
        self.head = _conv(3, width)
        self.body = Level(architecture)
        self.tail = _conv(width, 3 * architecture.scale**2)
        self.base = BicubicBase(architecture.scale)
        nn.init.zeros_(self.tail.weight)
        assert self.tail.bias is not None
        nn.init.zeros_(self.tail.bias)

    @property
    def alignment(self) -> int:
        """What H and W must be multiples of for `aligned`."""
        halvings = len(self.architecture.widths) - 1 + (self.architecture.context > 0)
        return int(2**halvings)

    def forward(self, x: Tensor) -> Tensor:
        """Upscale an image of any size, 1x1 and odd sizes included.

        Width and height are mirrored up to the alignment, and the surplus is cut off.
        """
        height, width = x.shape[-2:]
        bottom, right = -height % self.alignment, -width % self.alignment
        if bottom or right:
            x = _mirror(x, bottom, right)
        scale = self.architecture.scale
        return self.aligned(x)[..., : height * scale, : width * scale]

    def aligned(self, x: Tensor) -> Tensor:
        """Upscale an image whose sizes are multiples of `alignment`: the graph that is exported."""
        return self.onto_bicubic(x, self.residual(x))

    def residual(self, x: Tensor) -> Tensor:
        """Return what bicubic misses, before the pixel shuffle: the learned part."""
        features = F.relu(self.head(x))
        out: Tensor = self.tail(features + self.body(features))
        return out

    def onto_bicubic(self, x: Tensor, residual: Tensor) -> Tensor:
        """Add the residual of `x` to its bicubic enlargement.

        Apart from `residual`, so that training can leave this in float32 while the rest runs
        in bfloat16: the network would learn to mend a rounded base otherwise.
        """
        return F.pixel_shuffle(self.base(x) + residual, self.architecture.scale)


class PixelForm(nn.Module):
    """A network on pixels, for GPUs: a quarter of the bytes crosses to them and back.

    Maps uint8 (N, H, W, 3), H and W multiples of the alignment, to uint8 of `scale` times the
    size, and to the sum of each picture's values before they were rounded, float32 (N,): it is
    no number if any of them is none, which bytes could not tell.
    """

    def __init__(self, network: AutoEncoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Enlarge; the arithmetic is that of the network's weights."""
        # TensorRT takes bytes only straight into a Cast, and gives them only straight out of one
        values = image.to(self.network.tail.weight.dtype).permute(0, 3, 1, 2) / 255
        output = self.network.aligned(values).float()
        rounded = torch.round(torch.clamp(output * 255, 0, 255))
        return rounded.permute(0, 2, 3, 1).to(torch.uint8), output.sum(dim=(1, 2, 3))


def macs_per_pixel(network: nn.Module, image: Tensor) -> float:
    """Return the multiplications per output pixel when `network` runs on `image`.

    Convolutions and linear layers count; on the meta device nothing is computed.
    """
    with FlopCounterMode(display=False) as counter:
        output: Tensor = network(image)
    pixels = output.shape[0] * output.shape[-2] * output.shape[-1]
    return float(counter.get_total_flops()) / 2 / pixels


def _mirror(x: Tensor, bottom: int, right: int) -> Tensor:
    """Pad by repeating the image backwards, the edge pixel included (numpy's `symmetric`)."""
    rows = _symmetric(x.shape[-2], bottom)
    columns = _symmetric(x.shape[-1], right)
    return x[..., rows, :][..., columns]


def _symmetric(size: int, extra: int) -> Tensor:
    forth_and_back = torch.cat([torch.arange(size), torch.arange(size).flip(0)])
    return forth_and_back[torch.arange(size + extra) % (2 * size)]
