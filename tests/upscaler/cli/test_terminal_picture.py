"""Before and after in a terminal: the bytes that a real one would get, decoded again."""

import base64
import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from upscaler.cli.terminal_picture import protocol_of

pty = pytest.importorskip("pty", reason="Windows has no such terminals")
fcntl = pytest.importorskip("fcntl")
termios = pytest.importorskip("termios")

KITTY, ITERM = {"TERM": "xterm-kitty"}, {"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}
OTHERS = ("TERM", "TERM_PROGRAM", "KITTY_WINDOW_ID", "TMUX", "STY", "ZELLIJ")


@pytest.fixture
def seen(tmp_path):
    """Run the program in a terminal of some kind; returns all that the terminal gets."""

    def run(*arguments, terminal, columns=120, **streams):
        upper, lower = pty.openpty()
        size = np.array([50, columns, 0, 0], np.uint16).tobytes()
        fcntl.ioctl(lower, termios.TIOCSWINSZ, size)
        kept = {name: value for name, value in os.environ.items() if name not in OTHERS}
        program = subprocess.Popen(
            [sys.executable, "-m", "upscaler", "run", *map(str, arguments)],
            **{"stdin": lower, "stdout": lower, "stderr": lower, **streams},
            env=kept | terminal,
            cwd=tmp_path,
        )
        os.close(lower)
        got = b""
        try:
            while part := os.read(upper, 65536):
                got += part
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(upper)
        assert program.wait() == 0, got
        return got.decode().replace("\r\n", "\n")

    return run


def from_kitty(text):
    parts = re.findall("\x1b_G(.*?);(.*?)\x1b\\\\", text)
    keys = [*["m=1"] * (len(parts) - 1), "m=0"]
    assert [key for key, _ in parts] == [f"a=T,f=100,q=2,{keys[0]}", *keys[1:]]
    assert all(len(data) <= 4096 for _, data in parts)
    return Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in parts))))


def from_iterm(text):
    data = re.search("\x1b\\]1337;File=inline=1:(.*?)\a", text)[1]
    assert len(data) < 1_000_000
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture
def photo_file(tmp_path, rng):
    """Smooth, but for its lower right quarter, where the detail is."""
    pixels = np.full((240, 320, 3), 120, np.uint8)
    pixels[120:, 160:] = rng.integers(0, 256, (120, 160, 3))
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize(("terminal", "decoded"), [(KITTY, from_kitty), (ITERM, from_iterm)])
def test_before_and_after_stand_below_the_last_line(seen, photo_file, tmp_path, terminal, decoded):
    said = seen(photo_file, "large.png", "-m", "fast", "-v", terminal=terminal)
    assert said.index("1 done in") < said.index("before, by bicubic, and after:\n\x1b")
    shown = decoded(said[said.index("1 done in") :])
    assert shown.size == (2 * 396 + 8, 396)
    with Image.open(photo_file) as small, Image.open(tmp_path / "large.png") as large:
        after = np.asarray(shown.crop((404, 0, 800, 396)), float)
        places = [(4 * x, 4 * y) for y in range(112, 142) for x in range(144, 222)]
        left, top = min(places, key=lambda at: np.abs(part(large, at) - after).mean())
        assert np.abs(part(large, (left, top)) - after).mean() < (0.01 if terminal is KITTY else 6)
        bicubic = small.resize(large.size, Image.Resampling.BICUBIC)
        before = np.asarray(shown.crop((0, 0, 396, 396)), float)
        inside = slice(8, -8), slice(8, -8)  # at its edges a part does not know what is beside it
        off = np.abs(part(bicubic, (left, top)) - before)[inside].mean()
        assert off < (0.01 if terminal is KITTY else 6)
    assert left >= 4 * 144 and top >= 4 * 112


def part(image, at):
    return np.asarray(image.crop((*at, at[0] + 396, at[1] + 396)), float)


def test_it_is_as_narrow_as_the_terminal(seen, photo_file):
    said = seen(photo_file, "large.png", "-m", "fast", "-v", terminal=KITTY, columns=40)
    assert from_kitty(said).width <= 320


@pytest.mark.parametrize(
    ("shape", "options", "size"),
    [
        ((1, 900, 3), ["-s", "4"], (800, 4)),
        ((7, 5, 4), ["-s", "2"], (28, 14)),
        ((900, 700, 3), ["--width", "70", "--shrink"], (148, 90)),
    ],
)
def test_pictures_of_odd_sizes_are_shown(seen, tmp_path, rng, shape, options, size):
    Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(tmp_path / "odd.png")
    said = seen("odd.png", "out.png", "-m", "fast", "-v", *options, terminal=KITTY)
    assert from_kitty(said).size == size


@pytest.mark.parametrize("options", [[], ["-v", "-q"], ["-v", "--json"]])
def test_nobody_who_did_not_ask_sees_one(seen, photo_file, options):
    said = seen(photo_file, "large.png", "-m", "fast", *options, terminal=KITTY)
    assert "\x1b_G" not in said


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_none_goes_where_no_terminal_is(seen, photo_file, tmp_path, stream):
    with (tmp_path / "said").open("w+b") as file:
        said = seen(photo_file, "l.png", "-m", "fast", "-v", terminal=KITTY, **{stream: file})
        file.seek(0)
        assert "\x1b_G" not in said and b"\x1b_G" not in file.read()


def test_a_folder_of_several_shows_none(seen, folder):
    assert "\x1b_G" not in seen(folder, "out", "-m", "fast", "-v", terminal=KITTY)


def test_a_run_with_nothing_left_to_do_shows_none(seen, photo_file):
    command = photo_file, "out", "-m", "fast", "-v"
    assert "\x1b_G" in seen(*command, terminal=KITTY)
    assert "\x1b_G" not in seen(*command, terminal=KITTY)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"TERM": "xterm-kitty"}, "_for_kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "_for_kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "_for_kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "_for_iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/tmux,1,0", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-kitty", "ZELLIJ": "0"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({}, None),
    ],
)
def test_only_terminals_known_to_show_pictures_get_one(environment, name):
    assert getattr(protocol_of(environment), "__name__", None) == name
