"""Run a network once, so that a crash takes down this process and no other.

python -m upscaler.runtimes.ncnn.trial FOLDER PRECISION SIDE
"""

import sys
from pathlib import Path

import numpy as np

from upscaler.runtimes.ncnn.net import Net


def main(folder: str, precision: str, side: str) -> None:
    """Run it on a grey picture, SIDE pixels wide and high."""
    net = Net(Path(folder), half=precision == "fp16")
    net.run(np.full((3, int(side), int(side)), 0.5, np.float32))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # the parent shows the last line, and wants it alone
        sys.exit(" ".join(str(error).split()) or type(error).__name__)
