"""Our own model in plain torch: Pillow, numpy, eager float32, Pillow.

python torch_eager.py IN OUT MODEL.onnx
"""

import sys
from pathlib import Path

import numpy as np
import torch
from folder import each
from PIL import Image

from upscaler.models import read_model
from upscaler.models.weights import network_of

source, output, model = map(Path, sys.argv[1:])
output.mkdir(parents=True, exist_ok=True)
network = network_of(read_model(model))


@torch.inference_mode()
def enlarge(picture: Image.Image) -> Image.Image:
    image = torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).astype(np.float32) / 255)[None]
    result = network(image)[0].clamp(0, 1).mul(255).round().byte()
    return Image.fromarray(result.permute(1, 2, 0).numpy())


each(source, output, enlarge)
