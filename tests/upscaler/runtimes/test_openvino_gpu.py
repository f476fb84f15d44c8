"""OpenVINO's way to a GPU, with the CPU in a GPU's place: no Intel GPU was there yet."""

import numpy as np
import pytest

from upscaler.errors import HardwareMissing, RuntimeUnavailable
from upscaler.hardware.adapters import Adapter
from upscaler.models import find_model

gpu = pytest.importorskip("upscaler.runtimes.openvino_gpu", reason="OpenVINO is for x86-64 only")
cpu = pytest.importorskip("upscaler.runtimes.openvino_cpu")
real = cpu.core()


class Core:
    """Calls the CPU `GPU.0`, and notes what is compiled for it."""

    available_devices = ("CPU", "GPU.0")

    def __init__(self):
        self.compiled = []

    def read_model(self, source):
        return real.read_model(source)

    def compile_model(self, model, device, settings):
        self.compiled.append((device, settings))
        return real.compile_model(model, "CPU", settings)

    def get_property(self, device, name):
        return real.get_property("CPU", name)


@pytest.fixture
def core(monkeypatch):
    core = Core()
    for module in (gpu, cpu):
        monkeypatch.setattr(module, "core", lambda: core)
    monkeypatch.setattr(gpu, "adapters", tuple)
    return core


def test_it_compiles_for_the_first_gpu_and_computes_as_on_the_cpu(core, rng):
    model, batch = find_model("fast", 2), rng.random((2, 3, 16, 24), np.float32)
    runtime = gpu.OpenVinoGpu(model, "fp32", 8)
    assert (runtime.name, runtime.streams) == ("openvino-gpu", 2)
    hint = {"INFERENCE_PRECISION_HINT": gpu.ov.Type.f32, "NUM_STREAMS": 2}
    assert core.compiled == [("GPU.0", hint)]
    assert np.array_equal(runtime.infer(batch), cpu.OpenVinoRuntime(model, "fp32", 1).infer(batch))
    assert gpu.OpenVinoGpu.precisions() == ("fp16", "fp32")
    assert not gpu.OpenVinoGpu.adapter().software


def test_what_computes_in_another_precision_than_asked_does_not_open(core):
    if "FP16" in real.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU computes in fp16")
    with pytest.raises(RuntimeUnavailable, match=r"asked for .*float16.*, OpenVINO computes in"):
        gpu.OpenVinoGpu(find_model("fast", 2), "fp16", 1)


@pytest.mark.parametrize(("card", "kind"), [("Intel(R) Arc", True), ("A card", False)])
def test_only_a_card_of_intels_lacks_a_driver(core, monkeypatch, card, kind):
    core.available_devices = ("CPU",)
    monkeypatch.setattr(gpu, "adapters", lambda: (Adapter(card, "7", software=False),))
    with pytest.raises(RuntimeUnavailable, match="no Intel GPU here") as raised:
        gpu.OpenVinoGpu.precisions()
    assert isinstance(raised.value, HardwareMissing) != kind
