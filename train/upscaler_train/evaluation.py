"""How good the network is on whole images, while it trains."""

import numpy as np
import torch
from torch import nn

from upscaler.metrics import psnr_y
from upscaler_train.data import Pair


@torch.inference_mode()
def mean_psnr_y(network: nn.Module, pairs: list[Pair], scale: int, device: torch.device) -> float:
    """Return the mean PSNR-Y in dB over `pairs`, outputs rounded to 8 bits as files are."""
    scores = []
    for pair in pairs:
        low = torch.from_numpy(pair.low).to(device).permute(2, 0, 1).float().div_(255)
        output = network(low[None])[0].mul_(255).round_().clamp_(0, 255)
        image = output.permute(1, 2, 0).to("cpu", torch.uint8).numpy()
        scores.append(psnr_y(image, pair.high, scale))
    return float(np.mean(scores))
