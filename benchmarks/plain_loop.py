"""The baseline of `folder.py`: Pillow, numpy, torch in eager float32, Pillow; one after the other.

python benchmarks/plain_loop.py IN OUT WEIGHTS
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from upscaler.models.network import AutoEncoder
from upscaler.models.spec import Architecture


def save_weights(model: str, scale: int, path: Path) -> Path:
    """Write a packaged model's weights for the loop."""
    from upscaler.models import find_model
    from upscaler.models.weights import network_of

    network = network_of(find_model(model, scale))
    sizes = json.dumps(asdict(network.architecture))
    save_file(network.state_dict(), path, {"architecture": sizes})
    return path


def load(path: Path) -> AutoEncoder:
    """Return the network that `save_weights` wrote."""
    with safe_open(path, framework="pt") as file:
        sizes = json.loads(file.metadata()["architecture"])
    network = AutoEncoder(Architecture(**{**sizes, "widths": tuple(sizes["widths"])}))
    network.load_state_dict(load_file(path))
    return network.eval()


@torch.inference_mode()
def main(source: Path, output: Path, weights: Path) -> None:
    network = load(weights)
    output.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        image = torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32) / 255)[None]
        result = network(image)[0].clamp(0, 1).mul(255).round().byte()
        Image.fromarray(result.permute(1, 2, 0).numpy()).save(output / f"{path.stem}.png")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
