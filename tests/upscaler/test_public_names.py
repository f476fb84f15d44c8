"""What `import upscaler` offers, and what it costs."""

import subprocess
import sys

import pytest

import upscaler


def test_the_public_names_load_when_they_are_used():
    code = (
        "import sys, upscaler\n"
        "print([name for name in ('numpy', 'PIL', 'click', 'onnx') if name in sys.modules])\n"
        "print(dir(upscaler) == sorted(upscaler.__all__))\n"
        "print([getattr(upscaler, name).__name__ for name in dir(upscaler) if name[0] != '_'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = [name for name in upscaler.__all__ if name[0] != "_"]
    assert done.stdout.splitlines() == ["[]", "True", str(sorted(names))]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Downscaler'"):
        upscaler.Downscaler  # noqa: B018
