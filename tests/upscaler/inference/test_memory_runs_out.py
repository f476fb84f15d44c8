"""Where memory runs out, tiles are computed in halves and no pixel is wrong."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from upscaler.images import Picture
from upscaler.inference import tiling
from upscaler.inference.enlargement import Enlargement
from upscaler.runtimes import Runtime


class Short(Runtime):
    """Has memory for so many pixels at a time."""

    name, streams = "short", 1

    def __init__(self, upscaler, pixels, error):
        super().__init__(upscaler.model, "fp32", 1)
        self.inner, self.pixels, self.error = upscaler.choice.runtime, pixels, error
        self.computed = 0

    @classmethod
    def precisions(cls):
        return ("fp32",)

    def infer(self, batch):
        if batch.shape[2] * batch.shape[3] > self.pixels:
            raise self.error
        self.computed += 1
        return self.inner.infer(batch)


OUT_OF_MEMORY = [
    MemoryError(),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer"),
    RuntimeError("Exception from src/inference: std::bad_alloc"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_a_tile_that_memory_does_not_suffice_for_is_computed_in_halves(upscaler, rng, error):
    source = rng.integers(0, 256, (131, 217, 3), np.uint8)
    runtime = Short(upscaler, 90 * 90, error)
    work = Enlargement(Picture(colour=source), runtime, None, lambda: runtime)
    for tile in work.tiles:
        tile()
    large = work.finish()
    assert np.abs(large.colour.astype(int) - upscaler(source)).max() <= 1
    assert runtime.computed > 4
    (warning,) = large.warnings
    assert "memory ran out" in warning and "computed in halves" in warning


@pytest.mark.parametrize("size", [(560, 30), (30, 560), (40, 40)])
def test_halves_are_smaller_and_keep_what_the_tile_keeps(upscaler, size):
    """Also of a tile that was shifted inward and keeps little."""
    spec = upscaler.model.spec
    plan = tiling.divide(*size, core=512, halo=spec.halo, alignment=spec.alignment)
    for tile in plan:
        left = [tile]
        while left:
            one = left.pop()
            halves = tiling.halves(one, halo=spec.halo, alignment=spec.alignment)
            assert sum(map(kept, halves)) in (0, kept(one))
            for half in halves:
                for part, whole in ((half.rows, one.rows), (half.columns, one.columns)):
                    assert whole.start <= part.start <= part.keep_start < part.keep_stop
                    assert part.keep_stop <= part.stop <= whole.stop
                assert computed(half) < computed(one)
            left += halves


def kept(tile):
    return (tile.rows.keep_stop - tile.rows.keep_start) * (
        tile.columns.keep_stop - tile.columns.keep_start
    )


def computed(tile):
    return (tile.rows.stop - tile.rows.start) * (tile.columns.stop - tile.columns.start)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")
@pytest.mark.parametrize("runtime", ["cpu", "openvino"])
def test_where_memory_really_runs_out_no_pixel_is_wrong(tmp_path, rng, runtime):
    for name, side in (("a", 300), ("b", 1400), ("c", 300), ("d", 300)):
        picture = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
        (tmp_path / "in").mkdir(exist_ok=True)
        picture.resize((side, side + ord(name))).save(tmp_path / "in" / f"{name}.png")
    command = [sys.executable, "-m", "upscaler", "run", tmp_path / "in"]
    options = ["-m", "fast", "-s", "2", "-r", runtime, "-t", "none", "-j", "1"]

    def run(out, **limits):
        arguments = [str(part) for part in (*command, tmp_path / out, *options)]
        return subprocess.run(arguments, capture_output=True, text=True, check=False, **limits)

    def limit():
        resource = pytest.importorskip("resource")
        resource.setrlimit(resource.RLIMIT_AS, (1_200_000_000, 1_200_000_000))

    assert run("whole").returncode == 0
    done = run("little", preexec_fn=limit)
    assert done.returncode in (0, 1), done.stderr
    assert "memory ran out" in done.stderr
    for path in (tmp_path / "little").glob("*.png"):
        np.testing.assert_array_equal(
            np.asarray(Image.open(path)), np.asarray(Image.open(tmp_path / "whole" / path.name))
        )


def test_memory_that_suffices_for_no_tile_at_all_is_an_error(upscaler, photo):
    runtime = Short(upscaler, 0, MemoryError())
    work = Enlargement(Picture(colour=photo), runtime, None, lambda: runtime)
    with pytest.raises(MemoryError):
        work.tiles[0]()


def test_another_failure_is_not_taken_for_a_lack_of_memory(upscaler, photo):
    runtime = Short(upscaler, 0, RuntimeError("an illegal memory access was encountered"))
    work = Enlargement(Picture(colour=photo), runtime, None, lambda: runtime)
    with pytest.raises(RuntimeError, match="illegal"):
        work.tiles[0]()
