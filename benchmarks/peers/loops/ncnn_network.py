"""A network that enlarges four times, computed by ncnn on all cores.

In bfloat16, which ncnn computes fastest here.

python ncnn_network.py IN OUT NETWORK FOLDER
"""

import sys
from pathlib import Path

import ncnn
import numpy as np
from folder import CORES, each
from PIL import Image

source, output, network, package = sys.argv[1:]
Path(output).mkdir(parents=True, exist_ok=True)
(weights,) = Path(package).rglob(f"{network}.bin")
net = ncnn.Net()
net.opt.num_threads = CORES
net.opt.use_bf16_storage = True
net.load_param(str(weights.with_suffix(".param")))
net.load_model(str(weights))


def enlarge(image: Image.Image) -> Image.Image:
    planes = np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1), np.float32) / 255
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(planes).clone())
    failed, made = extractor.extract("output")
    if failed:
        sys.exit(f"ncnn fails with {failed}")
    values = np.clip(np.array(made).transpose(1, 2, 0), 0, 1)
    return Image.fromarray(np.rint(values * 255).astype(np.uint8))


each(Path(source), Path(output), enlarge)
