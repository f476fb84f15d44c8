"""How good the network is on whole images, while it trains."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from upscaler.quality.metrics import psnr_y
from upscaler_train.data.pairs import Pair, Pixels, as_batch


@dataclass(frozen=True)
class Similarity:
    """Means over images."""

    mse: float
    """Of values in [0, 1], clamped but not rounded."""
    psnr_y: float
    """In dB, of the output rounded to 8 bits as files are."""


@torch.inference_mode()
def score(network: nn.Module, pairs: list[Pair], scale: int, device: torch.device) -> Similarity:
    """Measure the network on `pairs`, in float32."""
    network.eval()
    errors, scores = [], []
    for pair in pairs:
        with _any_shape():
            output = network(as_batch([pair.low]).to(device)).clamp_(0, 1).cpu()
        errors.append(float(torch.mean((output - as_batch([pair.high])) ** 2)))
        scores.append(psnr_y(_visible(as_image(output)), _visible(pair.high), scale))
    network.train()
    return Similarity(float(np.mean(errors)), float(np.mean(scores)))


def _any_shape() -> AbstractContextManager[None]:
    """Let cuDNN try no algorithms: that pays for the one shape of all batches, not for these."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False)


def as_image(output: Tensor) -> Pixels:
    """Round a float (1, C, H, W) in [0, 1] to uint8 (H, W, C)."""
    rounded = output[0].float().mul(255).round_().clamp_(0, 255)
    return np.asarray(rounded.permute(1, 2, 0).to("cpu", torch.uint8).numpy())


def _visible(image: Pixels) -> Pixels:
    """Grey as a plane, which is how the measures know it."""
    return image[..., 0] if image.shape[2] == 1 else image
