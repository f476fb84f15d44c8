"""The baseline of `folder.py`: Pillow, numpy, torch in eager float32, Pillow; one after the other.

python benchmarks/plain_loop.py IN OUT MODEL SCALE
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from PIL import Image

from upscaler.models import find
from upscaler.network import AutoEncoder


def load(model: str, scale: int) -> AutoEncoder:
    """Return the packaged model as a torch network: the weights lie in the ONNX file by name."""
    found = find(model, scale)
    stored = {item.name: item for item in onnx.load(found.path).graph.initializer}
    network = AutoEncoder(found.spec.architecture)
    state = {
        name: torch.from_numpy(numpy_helper.to_array(stored[f"network.{name}"]).copy())
        for name in network.state_dict()
    }
    network.load_state_dict(state)
    return network.eval()


@torch.inference_mode()
def main(source: Path, output: Path, model: str, scale: int) -> None:
    network = load(model, scale)
    output.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        image = torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32) / 255)[None]
        result = network(image)[0].clamp(0, 1).mul(255).round().byte()
        Image.fromarray(result.permute(1, 2, 0).numpy()).save(output / f"{path.stem}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
