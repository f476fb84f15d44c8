"""`upscaler run`: what it says, where, and with which exit code."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from upscaler.cli.options import MemorySize


def one_line(text):
    return len(text.strip().splitlines()) == 1


def test_run_reports_on_stdout_and_progress_on_stderr(command, folder, tmp_path):
    code, out, err = command("run", folder, tmp_path / "out", "-s", "2", "-r", "cpu")
    assert code == 0
    assert out.startswith("3 done in ") and out.endswith("; not read: 1 .txt\n")
    assert "3 pictures, 2x, model fast, on the processor" in err
    code, out, _ = command("run", folder, tmp_path / "out", "-s", "2", "-r", "cpu")
    assert (code, out) == (0, "nothing to do, 3 already done; not read: 1 .txt\n")


def test_json_lines(command, folder, tmp_path):
    (folder / "bad.png").write_bytes(b"")
    code, out, _ = command("run", folder, tmp_path / "out", "-s", "2", "--json")
    *files, summary = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert (summary["done"], summary["failed"]) == (3, 1)
    assert len(files) == 4
    assert {line["event"] for line in files} == {"file"}


def test_quiet_says_only_what_failed(command, folder, tmp_path):
    (folder / "bad.png").write_bytes(b"")
    for word in ("failed", "failed before"):
        code, out, err = command("run", folder, tmp_path / "out", "-s", "2", "-q")
        assert (code, out) == (1, "")
        assert err == f"{word}: bad.png: the file is empty\n"


def test_verbose_names_each_file(command, folder, tmp_path):
    _, _, err = command("run", folder, tmp_path / "out", "-s", "2", "-v")
    assert "done: sub/grey.png in" in err


def test_a_file_name_cannot_fake_a_line(command, folder, tmp_path):
    (folder / "x\ndone: [bold]\x1b[2Jy.png").write_bytes(b"")
    _, _, err = command("run", folder, tmp_path / "out", "-s", "2", "-q")
    assert err == "failed: x\\ndone: [bold]\\x1b[2Jy.png: the file is empty\n"


@pytest.mark.parametrize("size", ["2G", "2g", "2GB", "2 GiB", "2.0G", "2147483648", "2048mb"])
def test_sizes_are_understood_as_people_write_them(size):
    assert MemorySize().convert(size, None, None) == 2**31


@pytest.mark.parametrize(("spelling", "extension"), [("jpeg", "jpg"), ("TIF", "tif")])
def test_formats_have_two_spellings(command, folder, tmp_path, spelling, extension):
    code, _, _ = command("run", folder / "a.png", tmp_path / "out", "-s", "2", "-f", spelling)
    assert code == 0
    assert [path.name for path in (tmp_path / "out").glob("a.*")] == [f"a.{extension}"]


def test_little_memory_is_slow_and_no_obstacle(command, folder, tmp_path):
    code, out, _ = command("run", folder, tmp_path / "out", "-s", 2, "--memory", "1K")
    assert code == 0 and "3 done" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{in}/none", "{out}"], 2, "does not exist"),
        (["{in}", "{in}"], 2, "give another output"),
        (["", "{out}"], 2, "the path is empty"),
        (["{in}/pipe", "{out}"], 2, "neither a file nor a folder"),
        (["{in}", "{out}", "-s", "0"], 2, "'0' is not a scale factor"),
        (["{in}", "{out}", "-s", "nan"], 2, "'nan' is not a scale factor"),
        (["{in}", "{out}", "-t", "0"], 2, "'0' is not a number of pixels"),
        (["{in}", "{out}", "--memory", "2X"], 2, "'2X' is not a size"),
        (["{in}", "{out}", "--memory", "0"], 2, "'0' is not a size"),
        (["{in}", "{out}", "--memory", "-1G"], 2, "'-1G' is not a size"),
        (["{in}", "{out}", "--memory", "infG"], 2, "'infG' is not a size"),
        (["{in}", "{out}", "-f", "gif"], 2, "gif"),
        (
            ["{in}", "{out}", "-r", "abacus"],
            2,
            "there are: auto, tensorrt, tensorrt-rtx, torch, cuda, webgpu, ncnn, openvino-gpu, "
            "openvino, cpu",
        ),
        (["{in}", "{out}", "-p", "fp7"], 2, "there are: auto, fp32"),
        (
            ["{in}", "{out}", "-m", "nonesuch"],
            3,
            "there are: auto, balanced-x2, balanced-x3, balanced-x4, fast-x2",
        ),
        (["{in}", "{out}", "-s", "17"], 3, "enlarges up to 16 times, not 17"),
        (["{in}", "{out}", "--width", "9", "--height", "9"], 2, "--width and --height"),
        (
            ["{in}", "{out}", "-r", "cpu", "-p", "bf16"],
            3,
            "cpu: it has no bf16 here, only int8, fp32",
        ),
        (["{in}", "{in}/a.png"], 2, "is a file"),
        (["{in}/a.png", "{out}/b.heic"], 2, "cannot write b.heic"),
        (["{in}/a.png", "-", "{out}"], 2, "- is for one image"),
        (["{in}/a.png", "-", "--json"], 2, "--json and an image cannot both go to stdout"),
        (["{in}/a.png", "-", "-n"], 2, "--dry-run looks at files"),
        (["-", "{out}"], 2, "name a file for the image from stdin"),
        (["{in}", "-"], 2, "in is a folder; - is for one image, as in"),
        (["{in}"], 2, "give an output folder, too"),
        (["{in}/a.png", "{out}/b.pngg"], 2, "cannot write b.pngg"),
        (["{in}/a.png", "{out}/b.heif"], 2, "cannot write b.heif"),
        (["{in}", "{in}/notes.txt/out"], 3, "cannot write into the output folder"),
        (["{in}/notes.txt", "{out}"], 1, "not an image"),
        (["{in}", "{out}", "--shard", "0/2"], 2, "'0/2' is not a part such as"),
        (["{in}", "{out}", "--shard", "3/2"], 2, "'3/2' is not a part such as"),
        (["{in}/a.png", "{out}", "--exclude", "b*"], 2, "choose from a folder"),
    ],
)
def test_bad_input_is_one_clear_line(command, folder, tmp_path, arguments, code, message):
    places = {"in": folder, "out": tmp_path / "out"}
    os.mkfifo(folder / "pipe")
    found, _, err = command("run", "-q", *(text.format(**places) for text in arguments))
    assert found == code
    assert message in err
    assert "Traceback" not in err
    if code in (1, 3):
        assert one_line(err)


def test_an_empty_folder_is_no_error(command, tmp_path):
    (tmp_path / "in").mkdir()
    code, out, _ = command("run", tmp_path / "in", tmp_path / "out")
    assert (code, out) == (0, "no images to upscale (the folder is empty)\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_folders_without_permission(command, folder, tmp_path):
    (folder / "sub").chmod(0)
    try:
        code, _, err = command("run", folder, tmp_path / "out", "-s", "2", "-q")
        assert code == 1
        assert "sub: cannot read the folder: Permission denied" in err
        folder.chmod(0)
        code, _, err = command("run", folder, tmp_path / "other", "-s", "2", "-q")
        assert code == 3
    finally:
        folder.chmod(0o755)
        (folder / "sub").chmod(0o755)


def test_an_unreadable_folder_is_reported(command, folder, tmp_path, monkeypatch):
    """As above for those who are root: the system's answer is played."""
    real = os.scandir

    def scandir(path):
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("os.scandir", scandir)
    code, _, err = command("run", folder, tmp_path / "out", "-s", "2", "-q")
    assert code == 1
    assert "sub: cannot read the folder: Permission denied" in err
    assert (tmp_path / "out" / "a.png").exists()


def test_settings_from_the_environment(command, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("UPSCALER_RUN_SCALE", "2")
    monkeypatch.setenv("UPSCALER_RUN_RUNTIME", "cpu")
    monkeypatch.setenv("UPSCALER_RUN_FORMAT", "webp")
    monkeypatch.setenv("UPSCALER_RUN_JSON", "1")
    _, out, _ = command("run", folder, tmp_path / "out")
    with Image.open(tmp_path / "out" / "a.webp") as image:
        assert image.size == (106, 74)
    assert json.loads(out.splitlines()[-1])["done"] == 3


def test_what_is_no_file_is_named(command, folder, tmp_path):
    os.mkfifo(folder / "pipe.png")
    _, out, err = command("run", folder, tmp_path / "out", "-s", 2)
    assert "ignored: pipe.png: a pipe\n" in err
    assert out.startswith("3 done in ")


def test_what_somebody_changed_is_named_and_counted(command, folder, tmp_path):
    arguments = ("run", folder, tmp_path / "out", "-s", 2)
    command(*arguments)
    changed = tmp_path / "out" / "a.png"
    changed.write_bytes(changed.read_bytes() + b"a rating")
    line = f"kept: a.png: {changed} was changed since it was made; --overwrite makes it again\n"
    code, out, err = command(*arguments)
    assert (code, err) == (0, line)
    assert out.startswith("nothing to do, 2 already done, 1 kept as you changed it")
    assert command(*arguments, "-q") == (0, "", "")
    lines = [json.loads(each) for each in command(*arguments, "--json")[1].splitlines()]
    assert {"event": "file", "name": "a.png", "status": "kept", "target": str(changed)} in [
        {key: value for key, value in each.items() if key != "seconds"} for each in lines
    ]
    assert lines[-1]["kept"] == 1
    assert line in command(*arguments, "-n")[1]


def test_a_choice_of_files(command, folder, tmp_path):
    arguments = ("run", folder, tmp_path / "out", "-s", 2, "--json")
    _, out, _ = command(*arguments, "--include", "*.png", "--exclude", "sub/*")
    *files, summary = map(json.loads, out.splitlines())
    assert [file["name"] for file in files] == ["a.png"]
    assert (summary["planned"], summary["done"], summary["left_out"]) == (1, 1, 2)
    planned = [
        json.loads(command(*arguments, "--shard", f"{number}/2")[1].splitlines()[-1])["planned"]
        for number in (1, 2)
    ]
    assert sum(planned) == 3


def test_a_picture_alone_is_made_beside_itself(command, folder):
    code, _, _ = command("run", folder / "a.png", "-s", 2)
    assert code == 0
    with Image.open(folder / "a-x2.png") as image:
        assert image.size == (106, 74)
    assert command("run", folder / "a.png", "--width", 90)[0] == 0
    with Image.open(folder / "a-width-90.png") as image:
        assert image.width == 90


def test_several_pictures_and_a_suffix(command, folder, tmp_path, names):
    out = tmp_path / "out"
    files = folder / "a.png", folder / "b.jpg", folder / "sub" / "grey.png"
    assert command("run", *files, out, "-s", 2, "--suffix", "-x2")[0] == 0
    assert names(out) == ["a-x2.png", "b-x2.jpg", "grey-x2.png"]
    code, said, _ = command("run", *files, out, "-s", 2, "--suffix", "-x2")
    assert (code, said) == (0, "nothing to do, 3 already done\n")


def test_other_options_than_last_time_end_with_2(command, folder, tmp_path):
    arguments = ("run", folder, tmp_path / "out", "-s", 2)
    command(*arguments)
    words = "Error: 3 outputs were made with fast-x2; --overwrite makes them again with balanced-x2"
    for more in ((), ("-n",)):
        code, _, err = command(*arguments, "-m", "balanced", *more)
        assert code == 2 and words in err


@pytest.mark.parametrize("model", ["fast", "auto"])
def test_more_than_four_times_in_two_passes(command, folder, tmp_path, model):
    arguments = ("run", folder / "sub", tmp_path / "out", "-m", model, "-r", "cpu", "-s", 5)
    code, _, err = command(*arguments)
    assert code == 0
    name = "fast" if model == "fast" else "balanced"
    assert f"8 times in 2 passes: {name}-x4 + {name}-x2\n" in err
    with Image.open(tmp_path / "out" / "grey.png") as image:
        assert image.size == (55, 45)


def test_the_default_model_looks_at_each_picture(command, folder, tmp_path, monkeypatch):
    monkeypatch.delenv("UPSCALER_RUN_MODEL")
    code, _, errors = command("run", folder / "sub", tmp_path / "out", "-r", "cpu")
    assert code == 0 and "4x, model auto, on the processor" in errors
