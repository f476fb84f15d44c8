"""Our own model in plain ONNX Runtime: Pillow, numpy, one session, Pillow.

python onnx_runtime.py IN OUT MODEL.onnx
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from folder import each
from PIL import Image

from upscaler.models import read_model

source, output, model = map(Path, sys.argv[1:])
output.mkdir(parents=True, exist_ok=True)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
(entry,) = session.get_inputs()
alignment = read_model(model).spec.alignment


def enlarge(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image)
    surplus = [(0, -size % alignment) for size in pixels.shape[:2]]
    padded = np.pad(pixels, [*surplus, (0, 0)], "symmetric")
    batch = padded.transpose(2, 0, 1)[None].astype(np.float32) / 255
    (result,) = session.run(None, {entry.name: batch})
    large = np.rint(np.clip(result[0], 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    scale = large.shape[0] // padded.shape[0]
    return Image.fromarray(large[: scale * image.height, : scale * image.width])


each(source, output, enlarge)
