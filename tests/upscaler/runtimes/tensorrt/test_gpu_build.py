"""onnxruntime-gpu in an environment of its own: a missing GPU is found, never papered over."""

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from upscaler.hardware.gpu import nvidia_driver

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(nvidia_driver() is not None, reason="there is an NVIDIA GPU here"),
    pytest.mark.skipif(sys.platform != "linux", reason="onnxruntime-gpu is tried on Linux"),
]
ROOT = Path(__file__).parents[4]

PRETEND_A_DRIVER = """
from upscaler.runtimes import RuntimeRequest, open_runtime, table
from upscaler.models import find_model
table.nvidia_driver = lambda: "CUDA 13.0"
open_runtime(RuntimeRequest(find_model("fast", 2), "fp32"), "cuda")
"""


def succeed(*command):
    parts = [str(part) for part in command]
    done = subprocess.run(parts, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with the program, where onnxruntime-gpu took the place of onnxruntime."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    pip = (folder / "bin" / "python", "-m", "pip")
    succeed(*pip, "install", "--quiet", ROOT)
    succeed(*pip, "uninstall", "--quiet", "--yes", "onnxruntime")
    succeed(*pip, "install", "--quiet", "--no-deps", "onnxruntime-gpu")
    yield folder
    shutil.rmtree(folder)  # it holds half a gigabyte


def test_a_named_runtime_ends_with_one_line(environment, folder, tmp_path):
    command = [environment / "bin" / "upscaler", "run", folder, tmp_path / "out", "-r", "cuda"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "Error: the runtime does not open here: cuda: there is no GPU here, or no driver for it\n"
    )


def test_auto_says_so_and_works_on_the_cpu(environment, folder, tmp_path):
    command = [environment / "bin" / "upscaler", "run", folder, tmp_path / "out", "-s", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "cuda, webgpu, ncnn, openvino-gpu: there is no GPU here" in done.stderr


def test_a_provider_that_does_not_load_is_not_taken_for_one_that_does(environment):
    """The package lists CUDA as available, and its session would quietly run on the CPU."""
    command = [environment / "bin" / "python", "-c", PRETEND_A_DRIVER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RuntimeUnavailable: the runtime does not open here: cuda in fp32" in done.stderr
    assert "a library of CUDA is missing: libcu" in done.stderr


def health(environment):
    facts = json.loads(succeed(environment / "bin" / "upscaler", "doctor", "--json"))
    return {row["runtime"]: row for row in facts["runtimes"]}


def test_both_packages_together_are_found_broken(environment):
    assert health(environment)["cpu"]["state"] == "opens"
    pip = (environment / "bin" / "python", "-m", "pip")
    succeed(*pip, "install", "--quiet", "--no-deps", "onnxruntime")
    found = health(environment)["cpu"]
    assert found["state"] == "broken"
    assert found["repair"].startswith("pip uninstall -y onnxruntime onnxruntime-gpu && ")
