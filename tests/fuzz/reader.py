"""Throw damaged files at the reader for a while: nothing but our own errors may come out.

    python tests/fuzz/reader.py -max_total_time=60 [FOLDER WITH SEEDS]

The options are those of libFuzzer. Needs `pip install atheris`, which has wheels for Python 3.11 on
Linux. What it finds lies in the working folder as `crash-...` and belongs into
`tests/upscaler/test_crashers.py`.
"""

import io
import resource
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["upscaler.images", "PIL"]):
    from upscaler.errors import ImageError
    from upscaler.images import FORMATS, Encoding, allow_pixels, fit, open_picture
    from upscaler.images.encode import encode

_PIXELS = 20_000
_MEMORY = 2 << 30
"""Bytes that a file of so few pixels may take, the interpreter included."""
_WRITTEN = ("png", "jpg", "tiff")


def main() -> None:
    """Run libFuzzer, which ends the process."""
    warnings.simplefilter("ignore")
    allow_pixels(_PIXELS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "input"

        def one(data: bytes) -> None:
            path.write_bytes(data)
            try:
                picture = open_picture(path)
                for kind in (FORMATS[name] for name in _WRITTEN):
                    encode(io.BytesIO(), fit(picture, kind), kind, Encoding())
            except ImageError:
                pass

        # its own limit goes by the peak that the kernel notes, which is that of the process that
        # started this one, if it was larger
        atheris.Setup([*sys.argv, "-rss_limit_mb=0"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
