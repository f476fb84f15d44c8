"""Throw damaged files at the reader for a while: nothing but our own errors may come out.

    python tests/fuzz/reader.py -max_total_time=60 [FOLDER WITH SEEDS]

The options are those of libFuzzer. Needs `pip install atheris`, which has wheels for Python 3.11 on
Linux. What it finds lies in the working folder as `crash-...` and belongs into
`tests/upscaler/images/test_crashers.py`.
"""

import io
import re
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["upscaler.images", "PIL"]):
    from upscaler.errors import ImageError
    from upscaler.images import FORMATS, Encoding, fit, open_picture, set_for_process
    from upscaler.images.encode import encode

_PIXELS = 20_000
_MEMORY_KIB = 1 << 20
"""What a file of so few pixels may take at most, the interpreter included."""
_WRITTEN = ("png", "jpg", "tiff")


def main() -> None:
    """Run libFuzzer, which ends the process."""
    warnings.simplefilter("ignore")
    set_for_process(_PIXELS)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "input"

        def one(data: bytes) -> None:
            path.write_bytes(data)
            try:
                picture = open_picture(path, _PIXELS)
                for kind in (FORMATS[name] for name in _WRITTEN):
                    encode(io.BytesIO(), fit(picture, kind), kind, Encoding())
            except ImageError:
                pass
            if _peak_kib() > _MEMORY_KIB:
                raise MemoryError(f"{_peak_kib()} KiB")

        # libFuzzer's own limit goes by a peak that counts the process that started this one
        atheris.Setup([*sys.argv, "-rss_limit_mb=0"], one)
        atheris.Fuzz()


def _peak_kib() -> int:
    """The most memory that this process has had, since it became this program."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


if __name__ == "__main__":
    main()
