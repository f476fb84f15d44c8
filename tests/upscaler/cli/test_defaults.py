"""Options that nobody gave: from a file, from the environment, and how both are shown."""

import re

import pytest
from PIL import Image

from upscaler.cli.defaults import settings_path


@pytest.fixture
def settings():
    """Write the file with a person's own defaults."""

    def write(text):
        settings_path().parent.mkdir(parents=True, exist_ok=True)
        settings_path().write_text(text)

    return write


def values(printed):
    """Return value and source by option, of what `upscaler config` prints."""
    rows = (re.split(r"  +", line) for line in printed.splitlines() if line.startswith("--"))
    return {row[0]: tuple(row[1:]) for row in rows}


def test_a_run_takes_what_the_file_says(command, folder, tmp_path, settings):
    settings('[run]\nscale = 2\nformat = "webp"\nexclude = ["b*", "sub"]\nruntime = "cpu"\n')
    code, _, _ = command("run", folder, tmp_path / "out")
    assert code == 0
    assert [path.name for path in (tmp_path / "out").glob("*.*")] == [".upscaler", "a.webp"]
    command("run", folder, tmp_path / "other", "-f", "png")
    assert (tmp_path / "other" / "a.png").is_file()


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    command, settings, monkeypatch
):
    code, out, _ = command("config")
    assert code == 0 and out.startswith(f"{settings_path()} (is not there)\n")
    assert values(out)["--scale"] == ("-", "default")
    settings('[run]\nscale = 2\nquality = 80\nexclude = "*.gif"\nstrip-metadata = true\n')
    monkeypatch.setenv("UPSCALER_RUN_SCALE", "3")
    found = values(command("config")[1])
    assert found["--scale"] == ("3.0", "UPSCALER_RUN_SCALE")
    assert found["--quality"] == ("80", "file")
    assert found["--exclude"] == ("*.gif", "file")
    assert found["--strip-metadata"] == ("yes", "file")
    assert found["--format"] == ("keep", "default")


def test_an_exclusion_in_the_file_need_not_match(command, folder, tmp_path, settings):
    settings('[run]\nexclude = ["thumbnails"]\n')
    arguments = ("run", folder, tmp_path / "out", "-n")
    assert "matches" not in command(*arguments)[2]
    assert "no image matches --exclude 'drafts'" in command(*arguments, "--exclude", "drafts")[2]


@pytest.mark.parametrize("said", ["scale = 2", "height = 70", "width = 9000\nheight = 70"])
def test_a_size_on_the_command_line_replaces_that_of_the_file(
    command, folder, tmp_path, settings, monkeypatch, said
):
    settings(f"[run]\n{said}\n")
    arguments = ("run", folder, tmp_path / "out", "-n", "-v", "--include", "a.png")
    assert "a.png, 300x" in command(*arguments, "--width", "300")[1]
    assert "a.png, 159x111" in command(*arguments, "-s", "3")[1]
    monkeypatch.setenv("UPSCALER_RUN_WIDTH", "200")
    assert "a.png, 200x" in command(*arguments)[1]


USUAL = '[run]\nscale = 2\nformat = "webp"\nsuffix = "-x2"\nexclude = ["b*"]\nruntime = "cpu"\n'


def test_what_the_file_says_of_folders_is_not_for_single_files(command, folder, tmp_path, settings):
    settings(USUAL)
    a, b, out = folder / "a.png", folder / "b.jpg", tmp_path / "out"
    assert command("run", b, tmp_path / "one.png")[0] == 0
    with Image.open(tmp_path / "one.png") as image:
        assert image.format == "PNG"
    assert command("run", a, b, out)[0] == 0
    assert {path.name for path in out.glob("*.*")} == {".upscaler", "a-x2.webp", "b-x2.webp"}
    code, _, err = command("run", b, tmp_path / "two.png", "-f", "jpeg")
    assert code == 2 and "--format jpg does not fit" in err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("scale = 2", "config.toml has scale; options go below a line [run]"),
        ("[run]\nscal = 2", "config.toml: run has no option scal; did you mean scale?"),
        ("[run]\nscale = ", "Invalid value (at end of document)"),
        ('[run]\nscale = "x"', "config.toml: scale: 'x' is not a scale factor"),
        ("[run]\njobs = 2.5", "'2.5' is not a valid integer"),
        ("[run]\nquality = true", "'true' is not a valid integer"),
        ("[run]\nreport = ['a']", "config.toml: report takes a text or a number"),
        (
            "[run]\ninclude = [['a']]",
            "config.toml: include takes a text or a number, or a list of them",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_said(command, settings, text, reason):
    settings(text)
    code, _, err = command("run", "in", "out")
    assert code == 2 and reason in err
    assert command("models")[0] == 0  # which has no options in it


def test_a_number_may_stand_for_text(command, settings):
    settings("[run]\nreport = 3\ntile = 256\ninclude = [2024]\n")
    found = values(command("config")[1])
    assert [found[name][0] for name in ("--report", "--tile", "--include")] == ["3", "256", "2024"]


def test_a_file_may_begin_as_notepad_writes_it(command, settings):
    settings("\ufeff[run]\nscale = 2\n")
    assert values(command("config")[1])["--scale"] == ("2.0", "file")


def test_a_wrong_value_in_the_environment_is_said_by_its_name(command, monkeypatch):
    monkeypatch.setenv("UPSCALER_RUN_SCALE", "x")
    code, _, err = command("run", "in", "out")
    assert code == 2 and err.startswith("Error: UPSCALER_RUN_SCALE: 'x' is not a scale factor")
    assert "UPSCALER" not in command("run", "in", "out", "-s", "y")[2]


def test_variables_that_do_not_exist_are_said(command, monkeypatch):
    monkeypatch.setenv("UPSCALER_RUN_SCAL", "2")
    monkeypatch.setenv("UPSCALER_NONSENSE", "2")
    code, _, err = command("config")
    assert code == 0
    assert err.splitlines() == [
        "UPSCALER_NONSENSE does nothing",
        "UPSCALER_RUN_SCAL does nothing; did you mean UPSCALER_RUN_SCALE?",
    ]
