"""What a person sees of a run: its opening and its end."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from upscaler.batch.plan.jobs import Job
from upscaler.batch.report import duration, file_size
from upscaler.batch.run.workload import Workload
from upscaler.cli import main, progress
from upscaler.cli.looking import Looking
from upscaler.cli.progress import RunDisplay
from upscaler.images import FORMATS
from upscaler.supervisor.line import Witness
from upscaler.upscaler import Upscaler


def pictures(number):
    """Jobs of files that are not there."""
    names = [Path(f"{index}.png") for index in range(number)]
    return [Job(name, name, name.name, FORMATS["png"]) for name in names]


def display_of_a_run():
    return RunDisplay(Looking((), shown=False), as_json=False, quiet=False, verbose=False)


def test_a_run_opens_in_plain_words(command, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "gpu_in_sight", lambda: False)
    _, out, err = command("run", folder, tmp_path / "out", "-s", 2, "-m", "fast")
    assert err == "3 pictures, 2x, model fast, on the processor\n"
    assert re.match(rf"3 done in [\d.]+ s; [\d.]+ kB in {tmp_path / 'out'}; not read: 1 .txt", out)
    _, _, err = command("run", folder, tmp_path / "more", "-s", 2, "-m", "fast", "-v")
    assert "fast-x2 on " in err and " streams" in err


def test_a_gpu_that_is_here_and_unused_is_said(monkeypatch):
    chosen = SimpleNamespace(
        runtime=SimpleNamespace(name="cpu"), passed_over={"torch": "the driver is too old"}
    )
    monkeypatch.setattr(Upscaler, "choice", chosen)
    display = display_of_a_run()
    said = []
    monkeypatch.setattr(display, "_say", said.append)
    with Upscaler("fast", scale=2, runtime="cpu") as upscaler:
        for here in (False, True):
            monkeypatch.setattr(progress, "gpu_in_sight", lambda here=here: here)
            said.clear()
            display.opened(upscaler, Workload(pictures(1)))
            assert ("not used: torch: the driver is too old" in said) is here
    assert said[-1] == "1 picture, 2x, model fast, on the processor"


def test_a_stopped_run_says_how_far_it_came(capfd, folder, tmp_path, monkeypatch):
    result = RunDisplay.result

    def stop(display, file):
        result(display, file)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunDisplay, "result", stop)
    arguments = ["run", str(folder), str(tmp_path / "out"), "-s", "2", "-m", "fast", "-r", "cpu"]
    assert main._exit_code(arguments, Witness()) == 130  # `main` would end this process
    err = capfd.readouterr().err
    assert err.splitlines()[-1] == "stopped: 1 of 3 done; the same command goes on"
    assert "Error" not in err


def test_the_default_model_is_named_as_the_command_line_names_it(monkeypatch):
    display, said = display_of_a_run(), []
    monkeypatch.setattr(display, "_say", said.append)
    with Upscaler(runtime="cpu") as upscaler:
        display.opened(upscaler, Workload(pictures(2)))
    assert said[-1] == "2 pictures, 4x, model auto, on the processor"


@pytest.mark.parametrize(
    ("seconds", "words"), [(5.24, "5.2 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_times_are_said_in_minutes(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(12, "12 bytes"), (24_000_000, "24 MB"), (1_310_000_000, "1.3 GB")]
)
def test_sizes_are_said_in_the_unit_that_fits(size, words):
    assert file_size(size) == words
