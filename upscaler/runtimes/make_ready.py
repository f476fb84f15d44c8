"""Open a runtime once, so that it is ready the next time; see `upscaler.runtimes.upgrade`.

python -m upscaler.runtimes.make_ready NAME MODEL SCALE RESTORE PRECISION [DEVICE ...]

RESTORE is empty for a model as it is.
It ends when its stdin does: whoever wanted it is gone then, however that came.
"""

import os
import sys
import threading

from upscaler.errors import UpscalerError
from upscaler.models import find_model
from upscaler.runtimes import RuntimeRequest, open_runtime


def main(name: str, model: str, scale: str, restore: str, precision: str, *devices: str) -> None:
    """Open the runtime on every device."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    found = find_model(model, int(scale), float(restore) if restore else None)
    request = RuntimeRequest(found, precision, devices=tuple(map(int, devices)))
    open_runtime(request, name)


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UpscalerError as error:
        sys.exit(str(error))
