"""WebGPU and ncnn on whatever speaks Vulkan, such as SwiftShader, a program; with tiny pictures.

`make vulkan` brings SwiftShader on Debian. It computes in no fp16 that WebGPU could use, and
compiles for half a minute what a GPU's driver compiles in a second.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from upscaler.errors import RuntimeUnavailable
from upscaler.hardware.adapters import adapters
from upscaler.models import find_model
from upscaler.runtimes import RUNTIMES, RuntimeRequest, open_runtime
from upscaler.runtimes.pixels import to_pixels

pytestmark = pytest.mark.vulkan


def kind_of(name):
    """Return a runtime that is there; one that is there has to work."""
    if not adapters():
        pytest.skip("no Vulkan here: `make vulkan` brings one that is a program")
    try:
        kind = RUNTIMES[name].load()
        kind.precisions()
    except RuntimeUnavailable as error:
        pytest.skip(str(error))
    return kind


def opened(name, precision, scale):
    """Open a runtime without the probe and its groups, which take a program long."""
    return kind_of(name)(find_model("fast", scale), precision, 2)


def pixels_of(runtime, photo):
    pixels = photo[None, :16, :20]
    batch = (pixels.transpose(0, 3, 1, 2) / np.float32(255)).astype(np.float32)
    if runtime.takes_floats:
        return to_pixels(runtime.infer(batch), np.uint8).astype(int)
    return runtime.infer_pixels(np.ascontiguousarray(pixels)).astype(int)


@pytest.mark.parametrize("scale", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["webgpu", "ncnn"])
def test_it_makes_the_pixels_of_the_cpu_and_two_pictures_at_once(name, scale, photo):
    runtime = opened(name, "fp32", scale)
    reference = open_runtime(RuntimeRequest(find_model("fast", scale), "fp32"), "cpu").runtime
    pictures = [photo, photo[::-1], photo[:, ::-1]]
    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(lambda picture: pixels_of(runtime, picture), pictures))
    for picture, output in zip(pictures, outputs, strict=True):
        assert np.abs(output - pixels_of(reference, picture)).max() <= 1
    if name == "webgpu":
        with pytest.raises(MemoryError):  # so that it is halved
            runtime.infer(np.empty((1, 3, runtime.largest_side, runtime.largest_side + 2), "f4"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["webgpu", "ncnn"])
def test_in_fp16_it_stays_within_its_bound(name, photo):
    if name == "webgpu" and adapters() and adapters()[0].name.startswith("SwiftShader"):
        pytest.skip("SwiftShader has no fp16 for WebGPU")
    runtime = opened(name, "fp16", 2)
    reference = open_runtime(RuntimeRequest(find_model("fast", 2), "fp32"), "cpu").runtime
    assert np.abs(pixels_of(runtime, photo) - pixels_of(reference, photo)).max() <= 2


@pytest.mark.parametrize("name", ["webgpu", pytest.param("ncnn", marks=pytest.mark.slow)])
def test_a_run_that_names_it_takes_it_and_auto_does_not(name, command, tmp_path, photo):
    kind_of(name)
    Image.fromarray(photo[:16, :16]).save(tmp_path / "small.png")
    flags = ("-s", "2", "-p", "fp32", "-v")
    made = []
    for runtime in (name, "cpu"):
        out = tmp_path / f"{runtime}.png"
        code, _, errors = command("run", tmp_path / "small.png", out, "-r", runtime, *flags)
        assert code == 0 and f"fast-x2 on {runtime} in fp32" in errors
        made.append(np.asarray(Image.open(out)).astype(int))
    assert np.abs(made[0] - made[1]).max() <= 1
    code, _, errors = command("run", tmp_path / "small.png", tmp_path / "auto.png", *flags)
    assert code == 0 and "fast-x2 on webgpu" not in errors and "fast-x2 on ncnn" not in errors
