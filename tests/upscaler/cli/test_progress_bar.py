"""The line that moves: what it says, and that it fits."""

import io
import os
from types import SimpleNamespace

import pytest
from rich.console import Console

from upscaler.cli import printable, progress_bar
from upscaler.cli.looking import line_for
from upscaler.cli.progress_bar import ProgressBar, clock_time


class Work:
    """A run that is half done, with an hour to go."""

    files, share = 12345, 0.5
    seconds_left = staticmethod(lambda: 3723.0)
    current = "holidays/2019/a rather long name of a [photograph].jpg"


@pytest.fixture
def drawn():
    """What a bar draws on a terminal so wide, the last time."""

    def drawn(columns, work=Work):
        console = Console(file=io.StringIO(), width=columns, force_terminal=True, color_system=None)
        bar = ProgressBar(console, print, shown=True)
        bar.start(work)
        bar._began -= 60
        bar._looked -= 60
        bar.tick(6789)
        bar.stop()
        with console.capture() as screen:
            console.print(bar._bar.get_renderable())
        return screen.get()

    return drawn


@pytest.mark.parametrize("columns", [40, 80])
def test_it_fits_into_one_line_with_the_name_of_the_file(drawn, columns):
    line = drawn(columns)
    assert line.count("\n") == 1 and len(line.rstrip("\n")) <= columns
    assert "50% 6789/12345 1:02:03 left a" in line and "━" in line


def test_elsewhere_a_plain_line_comes_now_and_then(monkeypatch):
    said = []
    bar = ProgressBar(Console(file=io.StringIO()), said.append, shown=True)
    bar.start(Work)
    bar.tick(3)
    assert not said
    bar._looked -= progress_bar._PLAIN
    bar._began -= progress_bar._PLAIN
    bar.tick(4)
    bar.tick(5)
    assert said == ["4 of 12345, 50%, 1:02:03 left, a rather long name of a [photograph].jpg"]


def test_nobody_who_wants_quiet_hears_of_it():
    said = []
    bar = ProgressBar(Console(file=io.StringIO()), said.append, shown=False)
    bar.start(Work)
    bar._looked -= 60
    bar.tick(4)
    assert not said


@pytest.mark.parametrize(("seconds", "words"), [(7.4, "0:07"), (200, "3:20"), (7500, "2:05:00")])
def test_times_take_little_room(seconds, words):
    assert clock_time(seconds) == words


@pytest.mark.parametrize("columns", [30, 40, 80])
def test_what_is_looked_at_fits_into_a_line(tmp_path, columns):
    folder = tmp_path / "a folder of which the name is longer than any terminal is wide, or nearly"
    folder.mkdir()
    line = line_for([folder], columns)
    assert len(line) < columns and line.startswith("looking at ...")
    assert line.endswith("nearly/ ...")
    assert line_for([tmp_path / "a.png"], 300) == f"looking at {tmp_path / 'a.png'} ..."


def test_lines_break_between_words_on_a_terminal_alone(monkeypatch):
    monkeypatch.setattr(printable.os, "get_terminal_size", lambda number: os.terminal_size((20, 9)))
    terminal = SimpleNamespace(isatty=lambda: True, fileno=lambda: 1)
    text = "6 pictures, 4x, auto-x4, on the processor"
    assert printable.between_words(text, terminal) == "6 pictures, 4x,\nauto-x4, on the\nprocessor"
    assert printable.between_words(text, io.StringIO()) == text
    assert printable.between_words(text, None) == text
