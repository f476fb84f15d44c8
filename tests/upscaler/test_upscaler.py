import gc
import resource
import subprocess
import sys
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from upscaler import Upscaler
from upscaler.errors import ImageError, ModelError, UsageError
from upscaler.images import Picture
from upscaler.inference import enlargement, tiling
from upscaler.inference.enlargement import Enlargement
from upscaler.models import packaged_models
from upscaler.runtimes import PixelRuntime, Runtime
from upscaler.runtimes.pixels import through_floats

MODELS = [(model.spec.name, model.spec.scale) for model in packaged_models()]
TILES = (64, 200, 512, None)


@pytest.fixture(scope="module", params=MODELS, ids=lambda pair: f"{pair[0]}-x{pair[1]}")
def upscaler(request):
    """Each model on the fastest runtime there is; the runtimes agree (test_runtimes.py)."""
    name, scale = request.param
    return Upscaler(name, scale=scale, precision="fp32")


# widths and heights that are odd, tiny, and on both sides of one and two tiles with margins
SIDES = st.one_of(st.integers(1, 12), st.integers(60, 110), st.sampled_from([83, 84, 85, 147, 221]))


@settings(max_examples=25, deadline=None)
@given(height=SIDES, width=SIDES, seed=st.integers(0, 2**32 - 1))
def test_every_tiling_gives_the_same_picture(upscaler, height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    pictures = []
    for tile in TILES:
        upscaler._tile = tile
        pictures.append(upscaler(pixels).astype(int))
    for picture in pictures:
        assert picture.shape == (height * upscaler.scale, width * upscaler.scale, 3)
        assert np.abs(picture - pictures[-1]).max() <= 1


@pytest.mark.slow
def test_large_odd_images_have_no_seams(upscaler, rng):
    pixels = rng.integers(0, 256, (557, 1061, 3), np.uint8)
    upscaler._tile = None
    whole = upscaler(pixels).astype(int)
    for tile in TILES[:-1]:
        upscaler._tile = tile
        assert np.abs(upscaler(pixels).astype(int) - whole).max() <= 1


def test_what_is_lost_is_said(upscaler, photo):
    with pytest.warns(UserWarning, match="reduced to 8 bits"):
        upscaler(Image.fromarray(photo[..., 0].astype(np.uint16) * 257))


@pytest.mark.filterwarnings("ignore:converted from CMYK")
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK"])
def test_pillow_in_pillow_out(upscaler, photo, mode):
    image = Image.fromarray(photo).convert(mode if mode != "LA" else "L").convert(mode)
    result = upscaler(image)
    expected = {"P": "RGB", "1": "L", "CMYK": "RGB"}.get(mode, mode)
    assert result.mode == expected
    assert result.size == (image.width * upscaler.scale, image.height * upscaler.scale)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_array_in_array_out(upscaler, rng, dtype, channels):
    shape = (7, 10) if channels is None else (7, 10, channels)
    pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    result = upscaler(pixels)
    assert result.dtype == dtype
    assert result.shape == (7 * upscaler.scale, 10 * upscaler.scale, *shape[2:])


def test_sixteen_bits_stay_sixteen_bits(upscaler):
    ramp = np.linspace(20000, 21000, 40 * 40).astype(np.uint16).reshape(40, 40)
    result = upscaler(ramp)
    assert len(np.unique(result)) > 500  # 8 bits would leave 4 levels
    assert abs(int(result.mean()) - int(ramp.mean())) < 150


def test_sixteen_bits_run_in_fp32_under_auto(photo):
    upscaler = Upscaler("fast", scale=2)
    deep = upscaler(photo.astype(np.uint16) * 257)
    exact = Upscaler("fast", scale=2, precision="fp32")(photo.astype(np.uint16) * 257)
    np.testing.assert_array_equal(deep, exact)


def test_flat_pictures_stay_flat(upscaler):
    for level in (0, 1, 127, 255):
        assert (upscaler(np.full((20, 30), level, np.uint8)) == level).all()


def test_tiles_of_one_colour_are_computed_once_and_come_out_the_same(upscaler, photo, monkeypatch):
    page = np.full((240, 240, 3), (250, 248, 240), np.uint8)
    page[100 : 100 + photo.shape[0], 90 : 90 + photo.shape[1]] = photo
    tiles = len(Enlargement(Picture(page), upscaler.choice.runtime, 32, lambda: None).tiles)
    real, calls = enlargement._infer, []

    def counted(runtime, pixels):
        calls.append(pixels.shape)
        return real(runtime, pixels)

    def enlarge():
        calls.clear()
        work = Enlargement(Picture(page), upscaler.choice.runtime, 32, lambda: None)
        for tile in work.tiles:
            tile()
        return work.finish().colour

    monkeypatch.setattr(enlargement, "_infer", counted)
    skipping = enlarge()
    assert len(calls) < tiles / 2
    monkeypatch.setattr(enlargement, "_is_flat", lambda pixels: False)
    np.testing.assert_array_equal(skipping, enlarge())
    assert len(calls) == tiles


def test_hidden_colours_do_not_bleed(upscaler):
    y, x = np.mgrid[0:40, 0:40]
    disc = (x - 20) ** 2 + (y - 20) ** 2 < 150
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[disc] = (220, 40, 60, 255)  # everything else is black under full transparency
    result = upscaler(pixels)
    visible = result[..., 3] > 0
    assert result[visible][:, 0].min() > 210


def test_opaque_stays_opaque(upscaler, photo):
    opaque = np.concatenate([photo, np.full_like(photo[..., :1], 255)], axis=2)
    assert (upscaler(opaque)[..., 3] == 255).all()


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 5, 5), (5,), (2, 2, 2, 2)])
def test_impossible_arrays(upscaler, shape):
    with pytest.raises(ImageError, match="shape"):
        upscaler(np.zeros(shape, np.uint8))


def test_floats_are_refused(upscaler):
    with pytest.raises(ImageError, match="float64"):
        upscaler(np.zeros((4, 4)))


def test_unknown_names_say_what_there_is():
    with pytest.raises(ModelError, match="fast-x2"):
        Upscaler("nonesuch", scale=2)
    with pytest.raises(UsageError, match="openvino"):
        Upscaler("fast", scale=2, runtime="abacus")
    with pytest.raises(UsageError, match="tile is -1"):
        Upscaler("fast", scale=2, tile=-1)


class Broken(Runtime):
    """A runtime in reduced precision whose every output is one value."""

    def __init__(self, upscaler, value):
        super().__init__(upscaler.model, "fp16", 1)
        self._value = value

    @classmethod
    def precisions(cls):
        return ("fp16",)

    def infer(self, batch):
        shape = (1, 3, *(self.model.spec.scale * side for side in batch.shape[2:]))
        return np.full(shape, self._value, np.float32)


class BrokenPixels(Broken, PixelRuntime):
    """The same for bytes."""

    def infer_pixels(self, pixels):
        return through_floats(self.infer, pixels)


class OnlyPixels(PixelRuntime):
    """A runtime on a GPU that takes nothing but bytes, and tiles of a limited size."""

    takes_floats, largest_side = False, 64

    def __init__(self, upscaler):
        super().__init__(upscaler.model, "fp16", 1)
        self._real, self.shapes = upscaler.choice.runtime, []

    @classmethod
    def precisions(cls):
        return ("fp16",)

    def infer(self, batch):
        raise AssertionError("it takes no floats")

    def infer_pixels(self, pixels):
        self.shapes.append(pixels.shape)
        assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous
        return through_floats(self._real.infer, pixels)


def through(upscaler, runtime, pixels):
    def exact():
        raise AssertionError("nothing was broken")

    work = Enlargement(Picture.from_pixels(pixels), runtime, None, exact)
    for tile in work.tiles:
        tile()
    return work.finish().pixels


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_cross_as_bytes_and_make_the_same_picture(upscaler, photo, channels):
    source = np.concatenate([photo, photo[::-1, :, :1]], axis=2)[..., :channels]
    expected = upscaler(source)
    runtime = OnlyPixels(upscaler)
    made = through(upscaler, runtime, source)
    assert np.abs(made.astype(int) - expected).max() <= 1
    assert {shape[3] for shape in runtime.shapes} == {3}


def test_tiles_keep_to_what_the_runtime_takes(upscaler, rng):
    source = rng.integers(0, 256, (150, 90, 3), np.uint8)
    runtime = OnlyPixels(upscaler)
    made = through(upscaler, runtime, source)
    assert max(max(shape[1:3]) for shape in runtime.shapes) <= 64
    assert np.abs(made.astype(int) - upscaler(source)).max() <= 1


def test_sixteen_bits_never_go_through_bytes(upscaler, photo, monkeypatch):
    from dataclasses import replace

    deep = Upscaler(upscaler.model.spec.name, scale=upscaler.scale, precision="fp32")
    expected = deep(photo.astype(np.uint16) * 257)
    monkeypatch.setattr(deep, "choice", replace(deep.choice, runtime=OnlyPixels(upscaler)))
    np.testing.assert_array_equal(deep(photo.astype(np.uint16) * 257), expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
@pytest.mark.parametrize("kind", [Broken, BrokenPixels])
def test_broken_tiles_are_computed_again_in_fp32_and_counted(upscaler, photo, value, kind):
    exact = upscaler.choice.runtime
    work = Enlargement(Picture(colour=photo), kind(upscaler, value), None, lambda: exact)
    for tile in work.tiles:
        tile()
    large = work.finish()
    np.testing.assert_array_equal(large.colour, upscaler(photo))
    assert large.warnings == ("1 tile came out broken in fp16: computed again in fp32",)


def test_what_is_black_may_be_black(upscaler):
    dark = np.zeros((20, 20, 3), np.uint8)
    dark[::2] = 4
    work = Enlargement(Picture(colour=dark), Broken(upscaler, 0.0), None, lambda: 1 / 0)
    for tile in work.tiles:
        tile()
    assert work.finish().warnings == ()


def test_output_that_is_not_finite_in_fp32_either_is_an_error(upscaler, photo):
    broken = Broken(upscaler, np.nan)
    work = Enlargement(Picture(colour=photo), broken, None, lambda: broken)
    with pytest.raises(ImageError, match="not even in fp32"):
        work.tiles[0]()


def test_a_finished_picture_is_freed_at_once(upscaler, photo):
    """Not when the garbage collector comes by: its arrays are what fills the memory."""
    gc.disable()
    try:
        work = upscaler.begin(Picture(colour=photo))
        for tile in work.tiles:
            tile()
        del tile
        work.finish()
        alive = weakref.ref(work)
        del work
        assert alive() is None
    finally:
        gc.enable()


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
