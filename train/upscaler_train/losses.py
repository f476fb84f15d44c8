"""What the training minimises."""

import torch
import torch.nn.functional as F
from torch import Tensor


def pixel_and_spectrum(output: Tensor, target: Tensor, fft_weight: float) -> Tensor:
    """L1 between pixels plus `fft_weight` times L1 between spectra.

    The second term weighs fine texture that the first one averages away (Cho et al. 2021,
    "Rethinking coarse-to-fine approach in single image deblurring").

    Args:
        output, target: float (N, C, H, W) in [0, 1].
    """
    loss = F.l1_loss(output, target)
    if fft_weight:
        difference = torch.view_as_real(torch.fft.rfft2(output - target))
        loss = loss + fft_weight * difference.abs().mean()
    return loss
