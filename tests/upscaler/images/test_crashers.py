"""Files that once ended in more than one clear line, and a minute of looking for others."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from upscaler.errors import ImageError
from upscaler.images import open_picture

CRASHERS = Path(__file__).parent / "crashers"
FUZZER = Path(__file__).parents[2] / "fuzz" / "reader.py"
SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.mark.parametrize("path", sorted(CRASHERS.iterdir()), ids=lambda path: path.name)
def test_past_crashers_are_damaged_files(path):
    with pytest.raises(ImageError, match="damaged|not an image|truncated"):
        open_picture(path)


@pytest.mark.slow
def test_a_minute_of_damaged_files(tmp_path):
    pytest.importorskip("atheris", reason="needs atheris: Linux, Python 3.11")
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    command = [sys.executable, str(FUZZER), "-max_total_time=60", str(seeds), str(SAMPLES)]
    done = subprocess.run(
        [*command, str(CRASHERS)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    count = re.search(r"Done (\d+) runs", done.stderr)
    assert count and int(count[1]) > 100
