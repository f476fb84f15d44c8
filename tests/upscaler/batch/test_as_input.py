"""Permissions and times of outputs."""

import os
import stat
import sys

import pytest
from PIL import Image

from upscaler.images import Encoding

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")


@pytest.fixture
def umask():
    """Set what the process takes away from permissions, as `umask` does in a shell."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("input_mode", "mask", "wanted"),
    [
        (0o600, 0o022, 0o600),
        (0o644, 0o022, 0o644),
        (0o664, 0o022, 0o644),
        (0o644, 0o077, 0o600),
        (0o444, 0o022, 0o444),
        (0o4755, 0o022, 0o755),
    ],
    ids=oct,
)
def test_permissions_are_those_of_the_input(folder, tmp_path, run, umask, input_mode, mask, wanted):
    (folder / "a.png").chmod(input_mode)
    umask(mask)
    run(folder, tmp_path / "out")
    assert mode(tmp_path / "out" / "a.png") == wanted


def test_a_private_folder_stays_private(folder, tmp_path, photo, run, umask):
    deep = folder / "private" / "deep"
    deep.mkdir(parents=True)
    Image.fromarray(photo).save(deep / "c.png")
    (folder / "private").chmod(0o700)
    deep.chmod(0o550)
    run(folder, tmp_path / "out")
    assert mode(tmp_path / "out" / "private") == 0o700
    assert mode(tmp_path / "out" / "private" / "deep") == 0o750  # it has to be written into
    assert mode(tmp_path / "out" / "sub") == 0o755


def test_a_picture_in_strips_has_the_permissions_of_its_input(
    folder, tmp_path, run, umask, monkeypatch
):
    monkeypatch.setattr("upscaler.batch.run.memory.WHOLE_UP_TO", 1)
    (folder / "a.png").chmod(0o600)
    run(folder, tmp_path / "out")
    assert mode(tmp_path / "out" / "a.png") == 0o600


def test_times_are_kept_on_request(folder, tmp_path, run):
    then = 1_000_000_000_123_456_789
    os.utime(folder / "a.png", ns=(then, then))
    run(folder, tmp_path / "now")
    run(folder, tmp_path / "then", encoding=Encoding(keep_times=True))
    assert (tmp_path / "now" / "a.png").stat().st_mtime_ns > then
    assert (tmp_path / "then" / "a.png").stat().st_mtime_ns == then
    summary, _ = run(folder, tmp_path / "then")
    assert "nothing to do, 3 already done" in str(summary)
