"""What the training minimises."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

_AREA = 8
"""Side in pixels of what `local_contrast` averages over."""

# the first three of the five weights of Wang et al. 2003: a patch has no room for more levels
_LEVELS = (0.0448, 0.2856, 0.3001)


def reconstruction(
    output: Tensor,
    target: Tensor,
    *,
    fft: float = 0.0,
    ms_ssim: float = 0.0,
    contrast: float = 0.0,
) -> Tensor:
    """L1 between pixels, plus `fft` times L1 between spectra, plus `ms_ssim` times 1 - MS-SSIM,
    plus `contrast` times L1 between `local_contrast`.

    The spectra weigh fine texture that L1 averages away (Cho et al. 2021, "Rethinking
    coarse-to-fine approach in single image deblurring"), MS-SSIM the structure (Zhao et al. 2017,
    "Loss functions for image restoration with neural networks").

    Args:
        output, target: float (N, C, H, W) in [0, 1]; for MS-SSIM more than
            `recipe.SMALLEST_FOR_MS_SSIM` pixels a side.
    """
    loss = F.l1_loss(output, target)
    if fft:
        difference = torch.view_as_real(torch.fft.rfft2(output - target))
        loss = loss + fft * difference.abs().mean()
    if ms_ssim:
        similarity = multiscale_structural_similarity_index_measure(
            output, target, data_range=1.0, betas=_LEVELS, normalize="relu"
        )
        loss = loss + ms_ssim * (1 - similarity)
    if contrast:
        loss = loss + contrast * F.l1_loss(local_contrast(output), local_contrast(target))
    return loss


def colour_shift(output: Tensor, low: Tensor) -> Tensor:
    """Return how far the mean colours of pictures have moved, squared.

    What has clipped or lost colour came out a little brighter, say, and a network that undoes this
    on average gives other pictures a tint.

    Args:
        output, low: float (N, C, any H, any W) in [0, 1]: the large pictures and the small ones.
    """
    return (output.mean((2, 3)) - low.mean((2, 3))).square().mean()


def local_contrast(image: Tensor) -> Tensor:
    """Return how much neighbouring pixels differ, on average around each place.

    L1 between pixels answers a texture whose grains cannot be foreseen with a flat area; this asks
    for as much of it as there is, wherever its grains lie.

    Args:
        image: float (N, C, H, W).

    Returns:
        (N, 2 C, about H / 4, about W / 4): downwards and to the right.
    """
    down = (image[..., 1:, :-1] - image[..., :-1, :-1]).abs()
    right = (image[..., :-1, 1:] - image[..., :-1, :-1]).abs()
    return F.avg_pool2d(torch.cat([down, right], dim=1), _AREA, _AREA // 2)
