"""The command line as a process: help, signals, streams, and what it leaves alone."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

COMMANDS = (
    *("run", "status", "bench", "doctor", "models", "eval", "config", "completion"),
    *("export", "train", "experiments"),
)
HEAVY = ("numpy", "PIL", "rich", "torch", "onnxruntime", "openvino", "onnx")


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


def test_paths_without_a_command_are_for_run(command, folder):
    code, _, err = command(folder, "large out/")
    assert code == 2
    assert (
        err == f"Error: {folder} is no command; do you mean: upscaler run {folder} 'large out/'\n"
    )


def test_a_command_whose_libraries_are_missing_says_what_to_install():
    code = (
        "import sys\nfrom upscaler.cli.main import main\n"
        "sys.modules['torch'] = None\n"
        "main(['export', 'fast-x2'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3 and done.stderr.count("\n") == 1
    words = r"Error: this command needs PyTorch and what goes with it \(\w+ is missing\); "
    assert re.match(words + r"pip install 'upscaler-aeu\[train,export\]'\n", done.stderr)


@pytest.mark.usefixtures("watchdog")
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
    assert process.wait() == 130


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


@pytest.mark.usefixtures("watchdog")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_run_soon_and_cleanly(tmp_path, photo, number, code):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in range(400):
        Image.fromarray(photo ^ name % 200).resize((300, 300)).save(source / f"{name}.bmp")
    arguments = [sys.executable, "-m", "upscaler", "run", str(source), str(out), "-s", "4"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    while not any(out.glob("*.bmp")):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in err
    assert not list(out.glob(".upscaler-*"))


def test_a_name_that_the_encoding_of_the_output_lacks_is_escaped(folder, tmp_path):
    (folder / "a.png").rename(folder / "Жук ä.png")
    done = subprocess.run(
        [sys.executable, "-m", "upscaler", "run", folder, tmp_path / "out", "--dry-run", "-v"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"to do: \u0416\u0443\u043a " + "ä.png".encode("latin-1") in done.stdout


def test_a_fault_of_our_own_has_an_exit_code_and_says_how_to_report_it(command, monkeypatch):
    from upscaler.cli import models

    def fail(*arguments, **options):
        raise ZeroDivisionError("by\nchance")

    monkeypatch.setattr(models.models, "callback", fail)
    code, out, err = command("models")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert err.startswith("Error: a fault in upscaler itself: ZeroDivisionError: by chance; ")
    details = Path(err.split("with the file ")[1].strip())
    text = details.read_text()
    details.unlink()
    assert "in fail" in text and "Traceback" in text


def test_a_missing_module_of_our_own_is_a_fault_too(command, monkeypatch):
    from upscaler.cli import models

    def fail(*arguments, **options):
        import_module("upscaler.not_there")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(models.models, "callback", fail)
    monkeypatch.setattr("upscaler.cli.main.tempfile.mkstemp", full)
    code, _, err = command("models")
    assert code == 4 and err.endswith("please report it where you have upscaler from\n")


def test_the_supervisor_loads_nothing_heavy(tmp_path):
    heavy = (*HEAVY, "click")
    code = (
        "import sys\n"
        "from upscaler.__main__ import main\n"
        "sys.argv[1:] = ['run', '--help']\n"
        "try:\n    main()\n"
        f"finally:\n    print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys\nif 'UPSCALER_LINE' in os.environ: sys.exit(5)\n" + code,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (5, "[]\n")


def test_the_progress_bar_is_there_and_the_cursor_comes_back(folder, tmp_path):
    """On a terminal, which a run's second process has as the first one does."""
    out = tmp_path / "out"
    arguments = [sys.executable, "-m", "upscaler", "run", folder, out, "-s", "2", "-r", "cpu"]
    ours, theirs = pytest.importorskip("pty").openpty()
    process = subprocess.Popen(arguments, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 1 << 16):
            shown += more
    except OSError:  # how the end of a terminal looks
        pass
    os.close(ours)
    assert process.wait() == 0
    assert "━".encode() in shown
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l") >= 0


def test_a_suspended_run_goes_on(tmp_path, photo):
    """As Ctrl-Z does it, to both processes at once."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in range(60):
        Image.fromarray(photo ^ name).save(source / f"{name}.bmp")
    arguments = [sys.executable, "-m", "upscaler", "run", str(source), str(out), "-s", "2"]
    process = subprocess.Popen([*arguments, "--timeout", "2"], start_new_session=True)
    while not any(out.glob("*.bmp")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(4)
    os.killpg(process.pid, signal.SIGCONT)
    assert process.wait(timeout=60) == 0
    assert len(list(out.glob("*.bmp"))) == 60
