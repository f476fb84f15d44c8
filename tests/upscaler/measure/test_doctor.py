import json
import re

import pytest

from upscaler.errors import HardwareMissing
from upscaler.hardware.adapters import Adapter
from upscaler.measure import doctor as diagnosis
from upscaler.runtimes import RUNTIMES
from upscaler.runtimes.table import RuntimeEntry


def health(name):
    (found,) = (one for one in diagnosis.examine() if one.runtime == name)
    return found


def test_what_opens_is_said_with_its_precisions(command):
    code, out, _ = command("doctor", "--json")
    found = json.loads(out)
    states = {one["runtime"]: one for one in found["runtimes"]}
    assert code == 0
    assert states.keys() == RUNTIMES.keys()
    assert (states["cpu"]["state"], states["cpu"]["precisions"]) == ("opens", ["int8", "fp32"])
    assert found["facts"]["upscaler"]
    _, text, _ = command("doctor")
    assert re.search(r"^cpu: +opens  int8, fp32$", text, re.MULTILINE)


def test_what_has_never_run_on_a_card_is_called_experimental(command):
    _, out, _ = command("doctor", "--json")
    found = {one["runtime"] for one in json.loads(out)["runtimes"] if one["experimental"]}
    assert found == {"tensorrt", "tensorrt-rtx", "cuda", "webgpu", "ncnn", "openvino-gpu"}
    _, text, _ = command("doctor")
    lines = [line for line in text.splitlines() if ", experimental  " in line]
    assert {line.partition(":")[0] for line in lines} == found


def test_what_is_not_installed_comes_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(
        RUNTIMES, "other", RuntimeEntry("nonesuch", "nonesuch", "X", "pip install it")
    )
    assert (health("other").state, health("other").repair) == ("missing", "pip install it")


def test_missing_hardware_cannot_be_installed(monkeypatch):
    class NoGpu(RuntimeEntry):
        def load(self):
            raise HardwareMissing("no GPU")

    monkeypatch.setitem(RUNTIMES, "other", NoGpu("x", "x", "x", "pip install it"))
    assert (health("other").state, health("other").repair) == ("missing", "")


def test_the_cards_of_all_makers_are_named_and_programs_are_not(monkeypatch):
    card, program = Adapter("A card", "7", software=False), Adapter("A program", "7", software=True)
    monkeypatch.setattr(diagnosis, "adapters", lambda: (card, program))
    monkeypatch.setattr(diagnosis, "gpus", lambda: ["NVIDIA's", "A card"])
    monkeypatch.setattr(diagnosis, "gpu_in_sight", lambda: True)
    assert diagnosis.facts()["GPUs"] == "NVIDIA's, A card"
    monkeypatch.setattr(diagnosis, "gpu_in_sight", lambda: False)  # then no driver is loaded
    assert diagnosis.facts()["GPUs"] == "none"


def test_both_onnxruntimes_are_found_broken(monkeypatch):
    own = diagnosis._version
    both = {"onnxruntime": "1", "onnxruntime-gpu": "1"}
    monkeypatch.setattr(diagnosis, "_version", lambda name: both.get(name) or own(name))
    found = health("cpu")
    assert found.state == "broken"
    assert found.repair.startswith("pip uninstall -y onnxruntime onnxruntime-gpu && pip install")


@pytest.mark.parametrize("message", ["a library is broken", ""])
def test_a_runtime_that_breaks_is_no_end_of_the_examination(monkeypatch, message):
    class Breaks(RuntimeEntry):
        def load(self):
            raise OSError(message)

    monkeypatch.setitem(RUNTIMES, "other", Breaks("x", "x", "x", "pip install it"))
    assert (health("other").state, health("other").repair) == ("broken", "pip install it")


def test_without_any_runtime_the_doctor_exits_3(monkeypatch, command):
    only = {"other": RuntimeEntry("x", "nonesuch", "X", "pip install it")}
    monkeypatch.setattr(diagnosis, "RUNTIMES", only)
    code, out, _ = command("doctor")
    assert code == 3
    assert "pip install it" in out
