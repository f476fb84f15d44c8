"""What a shell offers at Tab."""

import shutil
import subprocess
import sys

import pytest

from upscaler.cli.completion import PRECISIONS, RUNTIMES
from upscaler.runtimes import PRECISIONS as KNOWN_PRECISIONS
from upscaler.runtimes import RUNTIMES as KNOWN_RUNTIMES

HEAVY = ("numpy", "PIL", "rich", "torch", "onnxruntime", "openvino", "onnx")


@pytest.fixture
def tab(monkeypatch):
    """Press Tab after some words, in a process that tells what it has loaded."""

    def press(*words):
        code = (
            "import sys\nfrom upscaler.cli.main import main\n"
            "try:\n    main()\n"
            f"finally:\n    print([n for n in {HEAVY} if n in sys.modules])"
        )
        monkeypatch.setenv("COMP_WORDS", " ".join(["upscaler", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        monkeypatch.setenv("_UPSCALER_COMPLETE", "bash_complete")
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        *offered, loaded = done.stdout.splitlines()
        assert loaded == "[]"
        return offered

    return press


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("run", "-m", "fas"), ["fast", "fast-x2", "fast-x3", "fast-x4"]),
        (("run", "-m", "au"), ["auto"]),
        (("run", "-r", "openvino-"), ["openvino-gpu"]),
        (("run", "-p", "b"), ["bf16"]),
        (("run", "-f", "w"), ["webp"]),
        (("run", "--long"), ["--long-side"]),
        (("doc",), ["doctor"]),
    ],
    ids=" ".join,
)
def test_values_are_offered_and_nothing_heavy_is_loaded(tab, words, offered):
    assert tab(*words) == [f"plain,{word}" for word in offered]


def test_files_are_offered_where_no_model_fits(tab):
    assert tab("run", "-m", "./my") == ["file,./my"]


def test_all_runtimes_and_precisions_are_known():
    assert RUNTIMES == ("auto", *KNOWN_RUNTIMES)
    assert set(PRECISIONS) == {"auto", *KNOWN_PRECISIONS}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_what_is_printed(command, shell):
    code, script, _ = command("completion", shell)
    assert code == 0 and "_UPSCALER_COMPLETE" in script
    if path := shutil.which(shell):
        assert subprocess.run([path, "-n"], input=script, text=True, check=False).returncode == 0
