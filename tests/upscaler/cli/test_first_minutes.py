"""A newcomer's first five minutes, typed into a terminal as wide as most, and into a narrow one.

`pytest -m slow -s tests/upscaler/cli/test_first_minutes.py` prints the screens, to be looked at.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("tmux"), reason="needs tmux, which is a terminal to type in"
    ),
]

SAMPLES = Path(__file__).parents[3] / "samples"
SECONDS = 60


class Terminal:
    """A shell in a terminal.

    Args:
        folder: where it is.
        columns: how wide it is.
    """

    def __init__(self, folder, columns):
        self.columns, self._tmux = columns, ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        given = {**os.environ, "PS1": "$ ", "PYTHONPATH": str(SAMPLES.parent), "LC_ALL": "C.UTF-8"}
        given.pop("UPSCALER_RUN_MODEL", None)  # of the other tests
        size = ("-x", str(columns), "-y", "90")
        command = [*self._tmux, "new-session", "-d", *size, "sh"]
        subprocess.run(command, check=True, env=given, cwd=folder)
        program = f'{sys.executable} -m upscaler "$@"'
        self.keys("-l", f"PS1='$ '; upscaler() {{ {program}; }}")
        self.keys("Enter")

    def close(self):
        subprocess.run([*self._tmux, "kill-server"], check=False)

    def keys(self, *keys):
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def screen(self):
        """What is to be seen, as lines."""
        done = subprocess.run(
            [*self._tmux, "capture-pane", "-p"], check=True, capture_output=True, text=True
        )
        return done.stdout.rstrip("\n")

    def wait_for(self, pattern):
        """Wait until something is to be seen; return the screen."""
        end = time.monotonic() + SECONDS
        while not re.search(pattern, screen := self.screen(), re.MULTILINE):
            assert time.monotonic() < end, f"no {pattern!r} on:\n{screen}"
            time.sleep(0.02)
        return screen

    def type(self, command):
        """Type a command on a clear screen."""
        self.keys("clear", "Enter")
        self.wait_for(r"\A\$ ?\Z")
        self.keys("-l", f"{command}; echo [$?]")
        self.keys("Enter")

    def ended(self):
        """Wait for the end of a command; return its exit code and what it said, in one line."""
        screen = self.wait_for(r"^\[\d+\]$")
        print(f"{'=' * self.columns}\n{screen}")
        said = re.split(r"\[\n?\$\n?\?\n?\]\n", screen)[-1]  # a narrow one may break that
        *lines, code = said.removesuffix("\n$").splitlines()
        assert "\\x1b" not in screen and "Traceback" not in screen
        return int(code.strip("[]")), " ".join(line.rstrip() for line in lines)

    def run(self, command):
        """Type a command and wait for its end."""
        self.type(command)
        return self.ended()


@pytest.fixture(params=[80, 40])
def terminal(request, tmp_path):
    """A terminal in a folder that has photos/ with some JPEGs, a text and a folder in it."""
    photos = tmp_path / "photos"
    (photos / "2019").mkdir(parents=True)
    for number in range(24):
        shutil.copy(SAMPLES / "hippo.jpg", photos / "2019" / f"{number:02}.jpg")
    shutil.copy(SAMPLES / "stream.jpg", photos / "stream.jpg")
    (photos / "notes.txt").write_text("not a picture")
    (tmp_path / "samples").symlink_to(SAMPLES)
    terminal = Terminal(tmp_path, request.param)
    yield terminal
    terminal.close()


def test_the_first_five_minutes(terminal, tmp_path):
    terminal.type("upscaler run samples/ out/")
    terminal.wait_for(r"^looking at samples/ \.\.\.$")
    screen = terminal.wait_for(r"^[━╸╺ ]+ \d+% \d/6 +(\d:\d\d left )?\w+\.[a-z]+$")
    print(screen)
    code, said = terminal.ended()
    assert code == 0
    assert re.fullmatch(
        r"6 pictures, 4x, model auto, on the \w+ "
        r"6 done in [\d.]+ s; [\d.]+ MB in out; not read: 1 \.md",
        said,
    )

    code, said = terminal.run("upscaler run photos/ large/ -n")
    assert code == 0 and said.startswith("25 to do; 22.9 MP with auto-x4, about ")

    terminal.type("upscaler run photos/ large/")
    screen = terminal.wait_for(r" [1-9]\d*/25 ")
    print(screen)
    terminal.keys("C-c")
    code, said = terminal.ended()
    assert code == 130 and "━" not in said
    done = int(re.search(r"stopped: (\d+) of 25 done; the same command goes on$", said)[1])
    code, said = terminal.run("upscaler status large/")
    assert code == 0 and "┏" in said
    code, said = terminal.run("upscaler run photos/ large/")
    assert code == 0
    again, before = map(int, re.search(r"(\d+) done in .*, (\d+) already done; ", said).groups())
    assert again + before == 25 and before >= done
    code, said = terminal.run("upscaler run photos/ large/")
    assert (code, said) == (0, "nothing to do, 25 already done; not read: 1 .txt")

    code, said = terminal.run("upscaler run samples/hippo.jpg hippo.jpg")
    assert code == 0 and "1 picture, 4x" in said and (tmp_path / "hippo.jpg").exists()
    code, said = terminal.run("upscaler run hippo.jpg -s 2 -m fast")
    assert code == 0 and (tmp_path / "hippo-x2.jpg").exists()

    code, said = terminal.run("upscaler run photos/ large/ -m fast")
    assert code == 2 and "25 outputs were made with auto-x4; --overwrite makes them again" in said
    code, said = terminal.run("upscaler run photos/ fast/ -m fast")
    assert code == 0 and "25 done in" in said
    code, said = terminal.run("upscaler models")
    assert code == 0 and "auto" in said

    code, said = terminal.run("upscaler run photos/ large/ --modle fast")
    assert code == 2 and "--model" in said
    code, said = terminal.run("upscaler run photo/ large/")
    assert code == 2 and "the input photo does not exist; check the path" in said

    code, said = terminal.run("upscaler doctor")
    assert code in (0, 1) and "GPU" in said
