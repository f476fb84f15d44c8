"""Tiles, whatever becomes of them on a runtime, end in one whole picture."""

import gc
import weakref

import numpy as np
import pytest

from upscaler import Upscaler
from upscaler.errors import ImageError
from upscaler.images import Picture
from upscaler.inference import enlargement
from upscaler.inference.enlargement import Enlargement
from upscaler.runtimes import PixelRuntime, Runtime
from upscaler.runtimes.pixels import through_floats


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
