"""The GPUs of --device: several share the work, and none is ever replaced by the CPU."""

import pytest

from upscaler.errors import RuntimeUnavailable, UsageError
from upscaler.models import find_model
from upscaler.runtimes import RuntimeRequest, choice, open_runtime
from upscaler.runtimes.multi_device import MultiDevice


def request(**more):
    return RuntimeRequest(find_model("fast", 2), "fp32", **more)


def test_several_devices_share_the_tiles(built, rng, monkeypatch):
    monkeypatch.setattr(choice, "gpus", lambda: ["A", "B"])
    built.ready = True
    opened = open_runtime(request(devices=(0, 1), streams=2)).runtime
    assert isinstance(opened, MultiDevice)
    assert built.opened_on == [0, 1]
    assert (opened.name, opened.streams) == ("built", 4)
    batch = rng.random((1, 3, 16, 16), "float32")
    reference = open_runtime(request(), "cpu").runtime.infer(batch)
    for _ in range(6):
        assert abs(opened.infer(batch) - reference).max() < 1e-6
    assert built.calls == {0: 1 + 3, 1: 1 + 3}  # the probe, and a fair share of the tiles


def test_a_device_that_is_not_there_is_refused(built, monkeypatch):
    monkeypatch.setattr(choice, "gpus", lambda: ["A"])
    with pytest.raises(UsageError, match="no device 3; there are: 0 to 0"):
        open_runtime(request(devices=(0, 3)))


def test_a_device_never_means_the_cpu(command, folder, tmp_path):
    from upscaler.hardware.gpu import gpus

    if gpus():
        pytest.skip("there is an NVIDIA GPU here")
    with pytest.raises(RuntimeUnavailable, match="cpu: --device is for NVIDIA GPUs"):
        open_runtime(request(devices=(0,)), "cpu")
    code, _, errors = command("run", folder, tmp_path / "out", "--device", "0")
    assert code == 3
    assert "no GPU here" in errors and "--device is for NVIDIA GPUs" in errors
    code, _, errors = command("run", folder, tmp_path / "out", "--device", "first")
    assert code == 2
    assert "is not a list of GPUs" in errors
