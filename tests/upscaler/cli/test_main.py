import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from upscaler.models import packaged_models

COMMANDS = ("run", "status", "bench", "doctor", "models", "eval", "export", "train", "experiments")
HEAVY = ("numpy", "PIL", "rich", "torch", "onnxruntime", "openvino", "onnx")


def one_line(text):
    return len(text.strip().splitlines()) == 1


def test_help_names_every_command_and_loads_nothing_heavy():
    code = (
        "import sys\nfrom upscaler.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command, name):
    code, out, _ = command(name, "--help")
    assert code == 0
    assert "Usage: upscaler" in out


def test_a_command_whose_libraries_are_missing_says_what_to_install():
    code = (
        "import sys\nfrom upscaler.cli.main import main\n"
        "sys.modules['torch'] = None\n"
        "main(['export', 'fast-x2'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3 and one_line(done.stderr)
    assert done.stderr.startswith("Error: this command needs ")
    assert done.stderr.endswith("; pip install 'upscaler-aeu[train,export]'\n")


def test_run_reports_on_stdout_and_progress_on_stderr(command, folder, tmp_path):
    code, out, err = command("run", folder, tmp_path / "out", "-s", "2", "-r", "cpu")
    assert code == 0
    assert out.startswith("3 done, 1 other file ignored; ")
    assert "fast-x2 on cpu in fp32" in err
    code, out, _ = command("run", folder, tmp_path / "out", "-s", "2", "-r", "cpu")
    assert (code, out) == (0, "nothing to do, 3 already done, 1 other file ignored\n")


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
        (["{in}", "{out}", "-s", "0"], 2, "'0' is not how many times"),
        (["{in}", "{out}", "-s", "nan"], 2, "'nan' is not how many times"),
        (["{in}", "{out}", "-t", "0"], 2, "'0' is not a number of pixels"),
        (["{in}", "{out}", "--memory", "2"], 2, "'2' is not a size"),
        (["{in}", "{out}", "--memory", "-1G"], 2, "'-1G' is not a size"),
        (["{in}", "{out}", "--memory", "infG"], 2, "'infG' is not a size"),
        (["{in}", "{out}", "-f", "gif"], 2, "gif"),
        (
            ["{in}", "{out}", "-r", "abacus"],
            2,
            "there are: auto, tensorrt, tensorrt-rtx, torch, cuda, openvino, cpu",
        ),
        (["{in}", "{out}", "-p", "fp7"], 2, "there are: auto, fp32"),
        (
            ["{in}", "{out}", "-m", "nonesuch"],
            3,
            "there are: balanced-x2, balanced-x3, balanced-x4, fast-x2",
        ),
        (["{in}", "{out}", "-s", "4.5"], 3, "for scale 4.5; there are: balanced-x2"),
        (["{in}", "{out}", "--width", "9", "--height", "9"], 2, "--width and --height"),
        (
            ["{in}", "{out}", "-r", "cpu", "-p", "bf16"],
            3,
            "cpu: it has no bf16 here, only int8, fp32",
        ),
        (["{in}", "{in}/a.png"], 2, "is a file"),
        (["{in}/a.png", "{out}/b.heic"], 2, "cannot write b.heic"),
        (["{in}/a.png", "{out}/b.heif"], 2, "cannot write b.heif"),
        (["{in}", "{in}/notes.txt/out"], 3, "cannot write into the output folder"),
        (["{in}/notes.txt", "{out}"], 1, "not an image"),
        (["{in}", "{out}", "--shard", "0/2"], 2, "'0/2' is not a part of several"),
        (["{in}", "{out}", "--shard", "3/2"], 2, "'3/2' is not a part of several"),
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
    assert (code, out) == (0, "no images to upscale (0 other files ignored)\n")


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
    assert "passed over: pipe.png: a pipe\n" in err
    assert out.startswith("3 done, 2 other files ignored")


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


def test_a_dry_run_does_nothing(command, folder, tmp_path, photo):
    out = tmp_path / "out"
    Image.fromarray(photo).save(folder / "a.jpg")
    (folder / "bad.png").write_bytes(b"")
    arguments = ("run", folder, out, "-s", 2, "-f", "png", "-r", "cpu")
    code, said, err = command(*arguments, "--dry-run")
    assert (code, err) == (1, "")
    assert not out.exists()
    *lines, summary = said.splitlines()
    assert lines == [
        f"to do: a.jpg -> {out}/a.jpg.png, 106x74",
        f"to do: a.png -> {out}/a.png, 106x74",
        f"to do: b.jpg -> {out}/b.png, 106x74",
        "failed: bad.png: the file is empty",
        f"to do: sub/grey.png -> {out}/sub/grey.png, 22x18",
    ]
    assert summary.startswith(
        "4 to do, 1 would fail, 1 ignored; 0.0 MP by fast-x2, pictures of up to"
    )
    assert "no run here yet" in summary

    command(*arguments, "--include", "a.*")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    _, said, _ = command(*arguments, "--dry-run", "--json")
    *files, summary = map(json.loads, said.splitlines())
    assert [file["expected"] for file in files] == [
        "skipped", "skipped", "to-do", "failed", "to-do",
    ]  # fmt: skip
    assert (summary["planned"], summary["to-do"], summary["skipped"]) == (5, 2, 2)
    assert summary["megapixels"] == round((106 * 74 + 22 * 18) / 1e6, 3)
    assert summary["seconds"] >= 0 and summary["memory_bytes"] > 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_dry_run_has_nothing_to_report(command, folder, tmp_path):
    arguments = ("run", folder, tmp_path / "out", "--dry-run", "--report", tmp_path / "report.json")
    code, said, err = command(*arguments)
    assert (code, said) == (2, "")
    assert "--dry-run --json prints the plan" in err


def test_status_tells_what_the_journal_knows(command, folder, tmp_path):
    (folder / "bad\n.png").write_bytes(b"")
    command("run", folder, tmp_path / "out", "-s", 2, "-r", "cpu", "-q")
    code, out, _ = command("status", tmp_path / "out")
    assert code == 0
    assert [line.split()[1:4:2] for line in out.splitlines() if "done " in line] == [["done", "3"]]
    assert "failed: bad\\n.png: the file is empty" in out
    assert "last run: 3 done, 1 failed in " in out and "fast-x2 on cpu in fp32" in out
    _, out, _ = command("status", tmp_path / "out", "--json")
    *files, summary = map(json.loads, out.splitlines())
    assert {file["target"]: file["state"] for file in files} == {
        "a.png": "done", "b.jpg": "done", "bad\n.png": "failed", "sub/grey.png": "done",
    }  # fmt: skip
    assert (summary["done"], summary["failed"], summary["begun"]) == (3, 1, 0)
    assert summary["last_run"]["runtime"] == "cpu in fp32"


def test_status_without_a_journal_is_a_mistake(command, tmp_path):
    code, _, err = command("status", tmp_path)
    assert (code, one_line(err)) == (2, True)


def test_models_lists_what_is_packaged(command):
    code, out, _ = command("models", "--json")
    models = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(m["model"], m["scale"]) for m in models] == [
        (model.spec.name, model.spec.scale) for model in packaged_models()
    ]
    assert all(m["speed"]["megapixels_per_second"] > 0 for m in models)
    assert "fast" in command("models")[1]


def test_eval_measures_a_folder(command, tmp_path, photo):
    (tmp_path / "hr").mkdir()
    Image.fromarray(photo).save(tmp_path / "hr" / "a.png")
    Image.fromarray(photo[::-1]).save(tmp_path / "hr" / "b.png")
    code, out, _ = command("eval", "fast", tmp_path / "hr", "-s", "2", "--json")
    first, second, whole = map(json.loads, out.splitlines())
    assert code == 0
    assert [line["event"] for line in (first, second, whole)] == ["file", "file", "set"]
    assert (first["name"], first["set"], whole["files"], whole["name"]) == ("a.png", "hr", 2, "hr")
    assert 10 < first["psnr"] < 60
    assert whole["psnr"] == pytest.approx((first["psnr"] + second["psnr"]) / 2)
    assert 0 < whole["bicubic_ssim"] < 1


def test_eval_degrades_the_small_pictures(command, tmp_path, photo):
    (tmp_path / "hr").mkdir()
    Image.fromarray(photo).save(tmp_path / "hr" / "a.png")
    psnrs = []
    for options in ((), ("--degrade", "jpeg:20"), ("--degrade", "jpeg:20", "--degrade", "noise:9")):
        _, out, _ = command("eval", "fast", tmp_path / "hr", "-s", "2", "--json", *options)
        psnrs.append(json.loads(out.splitlines()[-1])["psnr"])
    assert psnrs == sorted(psnrs, reverse=True)
    for bad in ("jpeg", "jpeg:0", "rot13:3", "noise:nan"):
        code, _, err = command("eval", "fast", tmp_path / "hr", "--degrade", bad)
        assert (code, len(err.splitlines())) == (2, 1)


def test_eval_prints_a_table(command, tmp_path, photo):
    (tmp_path / "hr").mkdir()
    Image.fromarray(photo).save(tmp_path / "hr" / "a.png")
    _, out, _ = command("eval", "fast", tmp_path / "hr", "-s", "2")
    heads, row = out.splitlines()
    assert heads.split()[:2] == ["files", "PSNR-Y"]
    assert row.split()[:2] == ["hr", "1"]
    _, out, _ = command("eval", "fast", tmp_path / "hr", "-s", "2", "-v")
    assert out.splitlines()[1].startswith("a.png ")


def test_a_second_signal_ends_at_once(tmp_path, photo):
    source = tmp_path / "in"
    source.mkdir()
    Image.fromarray(photo).resize((3000, 3000)).save(source / "large.bmp")
    arguments = [sys.executable, "-m", "upscaler", "run", str(source), str(tmp_path / "out")]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    process.stderr.readline()  # the work begins
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert process.wait(timeout=5) == 130


def test_without_stdout_a_run_still_works(folder, tmp_path):
    command = f"{sys.executable} -m upscaler run {folder} {tmp_path / 'out'} -s 2 >&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_ends_the_run_quietly(folder, tmp_path):
    command = f"{sys.executable} -m upscaler run {folder} {tmp_path / 'out'} -s 2 --json | true"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1)  # 0 if all was written before the reader left
    assert "Traceback" not in done.stderr and "Error" not in done.stderr


@pytest.mark.parametrize("runtime", ["auto", "openvino", "cpu"])
def test_a_run_touches_no_network_and_nothing_in_the_home_folder(folder, tmp_path, runtime):
    code = (
        "import sys\nfrom upscaler.cli.main import main\n"
        "sys.addaudithook(lambda event, _: event.startswith('socket.') and print(event))\n"
        "main(sys.argv[1:])\n"
    )
    out = str(tmp_path / "out")
    assert at_home(tmp_path, code, "run", str(folder), out, "-q", "-r", runtime) == ""


@pytest.mark.parametrize("module", ["upscaler.measure.doctor", "upscaler_export.proof"])
def test_no_import_leaves_anything_in_the_home_folder(tmp_path, module):
    if module.startswith("upscaler_export"):
        pytest.importorskip("torch", reason="needs the [export] extra")
    assert at_home(tmp_path, f"import {module}, onnxruntime") == ""


def at_home(tmp_path, code, *arguments):
    """Run Python code in an empty home folder that must stay empty; returns what it printed."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert list(home.iterdir()) == []
    return done.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_run_soon_and_cleanly(tmp_path, photo, number, code):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in range(400):
        Image.fromarray(photo ^ name % 200).resize((300, 300)).save(source / f"{name}.bmp")
    arguments = [sys.executable, "-m", "upscaler", "run", str(source), str(out), "-s", "4"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    for _ in range(300):
        if any(out.glob("*.bmp")):
            break
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in err
    assert not list(out.glob(".upscaler-*"))


def test_the_default_model_is_balanced(command, folder, tmp_path, monkeypatch):
    monkeypatch.delenv("UPSCALER_RUN_MODEL")
    code, _, errors = command("run", folder / "sub", tmp_path / "out", "-r", "cpu")
    assert code == 0 and "balanced-x4 on cpu" in errors


def test_a_name_that_the_encoding_of_the_output_lacks_is_escaped(folder, tmp_path):
    (folder / "a.png").rename(folder / "Жук ä.png")
    done = subprocess.run(
        [sys.executable, "-m", "upscaler", "run", folder, tmp_path / "out", "--dry-run"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"to do: \u0416\u0443\u043a " + "ä.png".encode("latin-1") in done.stdout
