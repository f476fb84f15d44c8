import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from upscaler.errors import RuntimeUnavailable
from upscaler.hardware.gpu import nvidia_driver
from upscaler.models import find_model
from upscaler.runtimes import (
    RUNTIMES,
    RuntimeRequest,
    by_reason,
    open_runtime,
    precisions_of,
)
from upscaler.runtimes import table as table_module
from upscaler.runtimes.runtime import Runtime


def available(name):
    try:
        return precisions_of(name)
    except RuntimeUnavailable:
        return ()


@pytest.mark.parametrize("name", RUNTIMES)
def test_every_runtime_agrees_with_the_reference(name, rng):
    if not available(name):  # what is there but does not open must fail below
        pytest.skip(f"{name} does not exist on this machine")
    model = find_model("fast", 2)
    batch = rng.random((2, 3, 32, 46), np.float32)
    reference = open_runtime(RuntimeRequest(model, "fp32"), "cpu").runtime.infer(batch)
    for precision, bound in {"fp32": 1e-4, "bf16": 0.03}.items():
        if precision in available(name):
            opened = open_runtime(RuntimeRequest(model, precision, 2), name).runtime
            assert opened.precision == precision
            assert np.abs(opened.infer(batch) - reference).max() < bound


def test_auto_takes_the_first_that_opens_and_says_why_not_the_others(monkeypatch):
    class Missing(table_module.RuntimeEntry):
        def load(self):
            raise RuntimeUnavailable("no such hardware")

    monkeypatch.setitem(RUNTIMES, "openvino", Missing("", "", "", ""))
    choice = open_runtime(RuntimeRequest(find_model("fast", 2)))
    assert choice.runtime.name == "cpu"
    assert choice.passed_over["openvino"] == "no such hardware"
    with pytest.raises(RuntimeUnavailable, match="no such hardware"):
        open_runtime(RuntimeRequest(find_model("fast", 2)), "openvino")


def test_one_reason_is_said_once():
    passed_over = {"torch": "no GPU", "cuda": "no GPU", "openvino in bf16": "wrong"}
    assert by_reason(passed_over) == {"torch, cuda": "no GPU", "openvino in bf16": "wrong"}


class Wrong(Runtime):
    """Computes, but not what the model says."""

    name = "wrong"

    @classmethod
    def precisions(cls):
        return ("fp32",)

    def infer(self, batch):
        return np.zeros((1, 3, 48, 48), np.float32)


def test_a_runtime_that_computes_wrongly_never_opens(monkeypatch):
    entry = table_module.RuntimeEntry("", "", "", "")
    monkeypatch.setattr(type(entry), "load", lambda self: Wrong)
    with pytest.raises(RuntimeUnavailable, match="differs from the right one"):
        open_runtime(RuntimeRequest(find_model("fast", 2)), "cpu")


def test_auto_steps_over_a_runtime_that_breaks(monkeypatch):
    class Breaks(Wrong):
        @classmethod
        def precisions(cls):
            raise OSError("the library is broken")

    class RuntimeEntry(table_module.RuntimeEntry):
        def load(self):
            return Breaks

    monkeypatch.setitem(RUNTIMES, "openvino", RuntimeEntry("", "", "", ""))
    choice = open_runtime(RuntimeRequest(find_model("fast", 2)))
    assert choice.runtime.name == "cpu"
    assert choice.passed_over["openvino"] == "OSError: the library is broken"


def test_a_precision_the_runtime_lacks_is_refused():
    with pytest.raises(RuntimeUnavailable, match="it has no bf16 here, only int8, fp32"):
        open_runtime(RuntimeRequest(find_model("fast", 2), "bf16"), "cpu")


def test_auto_precision_never_takes_an_unmeasured_one(monkeypatch):
    model = find_model("fast", 2)
    monkeypatch.setitem(model.spec.precision_loss, "bf16", 0.5)
    chosen = open_runtime(RuntimeRequest(model)).runtime
    assert chosen.precision == "fp32"


@pytest.mark.skipif(nvidia_driver() is not None, reason="there is an NVIDIA GPU here")
def test_a_missing_gpu_is_said_and_never_papered_over(command, folder, tmp_path):
    code, out, err = command("run", folder, tmp_path / "out", "-r", "cuda")
    assert (code, out) == (3, "")
    assert err.splitlines() == [
        "Error: the runtime does not open here: cuda: there is no GPU here, or no driver for it"
    ]
    assert [path.name for path in (tmp_path / "out").glob("*")] in ([], [".upscaler"])


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("name", "precision", "bound"),
    [("torch", "fp32", 1e-3), ("torch", "fp16", 4e-3), ("cuda", "fp32", 1e-3)],
)
def test_the_gpu_computes_what_the_reference_computes(rng, installed, name, precision, bound):
    installed(name)
    model = find_model("fast", 2)
    reference = open_runtime(RuntimeRequest(model, "fp32"), "cpu").runtime
    opened = open_runtime(RuntimeRequest(model, precision, 2), name).runtime
    batches = [rng.random((1, 3, 64 + 2 * n, 64), np.float32) for n in range(6)] * 3
    with ThreadPoolExecutor(4) as pool:
        for batch, output in zip(batches, pool.map(opened.infer, batches), strict=True):
            assert np.abs(output - reference.infer(batch)).max() < bound


def test_torch_runs_the_weights_of_the_model_file(rng, monkeypatch):
    """On the CPU, without the graphs: what a machine without a GPU can check."""
    pytest.importorskip("torch", reason="needs the [export] extra")
    from upscaler.runtimes.torch_cuda import TorchCuda

    monkeypatch.setattr(TorchCuda, "kind", "cpu")
    model, batch = find_model("fast", 4), rng.random((2, 3, 20, 34), np.float32)
    reference = open_runtime(RuntimeRequest(model, "fp32"), "cpu").runtime.infer(batch)
    with ThreadPoolExecutor(3) as pool:
        for output in pool.map(TorchCuda(model, "fp32", 2).infer, [batch] * 4):
            assert output.dtype == np.float32
            assert np.abs(output - reference).max() < 1e-4


def test_without_a_gpu_nothing_heavy_is_imported_for_one():
    if nvidia_driver() is not None:
        pytest.skip("there is an NVIDIA GPU here")
    code = (
        "import sys\nfrom upscaler import Upscaler\n"
        "Upscaler('fast', scale=2)\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_tensors_stay_on_the_device_as_long_as_the_shape_does(rng):
    """ONNX Runtime's binding, with the CPU for a device."""
    import onnxruntime as ort

    from upscaler.runtimes.onnxruntime_cuda import CudaStream

    model = find_model("fast", 2)
    session = ort.InferenceSession(model.path, providers=["CPUExecutionProvider"])
    stream = CudaStream(session, "cpu", 0)
    reference = open_runtime(RuntimeRequest(model, "fp32"), "cpu").runtime
    batches = [rng.random((1, 3, 16, width), np.float32) for width in (16, 16, 24, 24, 16)]
    outputs = [stream.run(batch)[0] for batch in batches]
    for batch, output in zip(batches, outputs, strict=True):
        assert np.abs(output - reference.infer(batch)).max() < 1e-5


def test_the_driver_tells_its_own_version(monkeypatch):
    from upscaler.hardware import gpu

    class Management:
        def nvmlInit_v2(self):  # noqa: N802
            return 0

        def nvmlSystemGetDriverVersion(self, buffer, size):  # noqa: N802
            buffer.value = b"580.65.06"
            return 0

    monkeypatch.setattr(gpu.ctypes, "CDLL", lambda name: Management())
    assert gpu.driver_version() == "580.65.06"
    monkeypatch.setattr(Management, "nvmlInit_v2", lambda self: 9)
    assert gpu.driver_version() is None
