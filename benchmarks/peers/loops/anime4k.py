"""pyanime4k on the CPU: its default network, its own reading and writing."""

import sys
from pathlib import Path

from pyanime4k import upscale_images

source, output, scale = sys.argv[1:]
paths = sorted(Path(source).iterdir())
Path(output).mkdir(parents=True, exist_ok=True)
targets = [Path(output) / f"{path.stem}.png" for path in paths]
upscale_images(paths, targets, factor=float(scale))
