"""`upscaler run - -`: an image from stdin, to stdout."""

import io
import os
import subprocess
import sys

import pytest
from PIL import Image

OPTIONS = ("-s", "2", "-r", "cpu")


@pytest.fixture
def run(tmp_path):
    """Run the program as a shell does; returns its exit code, stdout and stderr."""

    def program(*arguments, stdin=b""):
        command = [sys.executable, "-m", "upscaler", "run", *map(str, arguments), *OPTIONS]
        done = subprocess.run(command, input=stdin, capture_output=True, cwd=tmp_path, check=False)
        return done.returncode, done.stdout, done.stderr.decode()

    return program


def read(content):
    with Image.open(io.BytesIO(content)) as image:
        return image.format, image.size


def test_an_image_goes_from_stdin_to_stdout_in_its_own_format(run, folder, tmp_path):
    code, image, said = run("-", "-", stdin=(folder / "b.jpg").read_bytes())
    assert code == 0 and read(image) == ("JPEG", (106, 74))
    assert "1 done" in said
    assert [path.name for path in tmp_path.iterdir()] == ["in"]  # no folder called -
    assert read(run("-", "-", "-f", "webp", stdin=image)[1]) == ("WEBP", (212, 148))


def test_a_file_goes_to_stdout(run, folder, tmp_path):
    code, image, _ = run(folder / "a.png", "-")
    assert code == 0
    out = tmp_path / "a.png"
    run(folder / "a.png", out)
    assert image == out.read_bytes()


def test_stdin_goes_into_a_file_with_usual_permissions(run, folder, tmp_path):
    code, said, _ = run("-", tmp_path / "out.webp", stdin=(folder / "a.png").read_bytes())
    assert code == 0 and said.startswith(b"1 done")
    assert read((tmp_path / "out.webp").read_bytes()) == ("WEBP", (106, 74))
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "out.webp").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize(
    ("stdin", "more", "reason"),
    [
        (b"", (), "failed: stdin: the file is empty"),
        (b"no image", (), "failed: stdin: not an image"),
        (None, ("--width", "9"), "1 left out as large enough"),
    ],
)
def test_nothing_for_stdout_is_a_failure(run, folder, stdin, more, reason):
    content = (folder / "a.png").read_bytes() if stdin is None else stdin
    code, image, said = run("-", "-", *more, stdin=content)
    assert (code, image) == (1, b"") and reason in said
