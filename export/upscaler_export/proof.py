"""The proof that an exported file computes what the network computes."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from upscaler.errors import ProofError
from upscaler.models.network import AutoEncoder

PHOTOGRAPH = Path(__file__).parent / "proof.png"
"""A small free photograph (see samples/CREDITS.md)."""

BOUND = 1 / 255


def photograph() -> NDArray[np.float32]:
    """Return the proof image, float32 (1, 3, H, W) in [0, 1]."""
    with Image.open(PHOTOGRAPH) as image:
        pixels = np.asarray(image.convert("RGB"), np.float32) / 255
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def prove(network: AutoEncoder, model: bytes) -> float:
    """Run the same photograph through torch and through ONNX Runtime, in two shapes and batches.

    Returns:
        The largest difference of any value, in units of [0, 1].

    Raises:
        ProofError: it is more than BOUND, or the file does not run.
    """
    image = photograph()
    other = np.concatenate([image, image[..., ::-1]])[..., : -2 * network.alignment, :]
    difference = max(_difference(network, model, batch) for batch in (image, other))
    if difference > BOUND:
        raise ProofError(
            f"the exported model differs from the network by {255 * difference:.2f} of 255, "
            f"more than {255 * BOUND:.0f}; nothing was written"
        )
    return difference


def _difference(network: AutoEncoder, model: bytes, batch: NDArray[np.float32]) -> float:
    expected = run_torch(network, batch)
    try:
        session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
        output = session.run(None, {session.get_inputs()[0].name: batch})[0]
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise ProofError(f"ONNX Runtime does not run the exported model: {error}") from None
    if output.shape != expected.shape or not np.isfinite(output).all():
        raise ProofError(f"the exported model returns {output.shape}, torch {expected.shape}")
    return float(np.abs(output - expected).max())


@torch.inference_mode()
def run_torch(network: nn.Module, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the network makes of an image on the CPU, in its own precision, as float32."""
    weights = next(network.parameters())
    output: NDArray[np.float32] = network(torch.from_numpy(image).to(weights.dtype)).float().numpy()
    return output
