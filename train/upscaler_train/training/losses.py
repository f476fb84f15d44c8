"""What the training minimises."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

# the first three of the five weights of Wang et al. 2003: a patch has no room for more levels
_LEVELS = (0.0448, 0.2856, 0.3001)


def reconstruction(
    output: Tensor, target: Tensor, *, fft: float = 0.0, ms_ssim: float = 0.0
) -> Tensor:
    """L1 between pixels, plus `fft` times L1 between spectra, plus `ms_ssim` times 1 - MS-SSIM.

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
    return loss
