import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from upscaler import Upscaler
from upscaler.errors import ImageError, ModelError, UsageError
from upscaler.models import packaged_models

TILES = (64, 200, 512, None)


# widths and heights that are odd, tiny, and on both sides of one and two tiles with margins
SIDES = st.one_of(st.integers(1, 12), st.integers(60, 110), st.sampled_from([83, 84, 85, 147, 221]))


@pytest.mark.parametrize("model", packaged_models(), ids=lambda model: model.title)
def test_no_model_has_seams(model, rng):
    pixels = rng.integers(0, 256, (85, 147, 3), np.uint8)
    options = {"scale": model.spec.scale, "precision": "fp32"}
    whole, tiled = (
        Upscaler(model.spec.name, tile=tile, **options)(pixels).astype(int) for tile in (None, 64)
    )
    assert np.abs(tiled - whole).max() <= 1


@settings(max_examples=25, deadline=None)
@given(height=SIDES, width=SIDES, seed=st.integers(0, 2**32 - 1))
def test_every_tiling_gives_the_same_picture(upscaler, height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    pictures = []
    for tile in TILES:
        upscaler._enlargers.first.tile = tile
        pictures.append(upscaler(pixels).astype(int))
    for picture in pictures:
        assert picture.shape == (height * upscaler.scale, width * upscaler.scale, 3)
        assert np.abs(picture - pictures[-1]).max() <= 1


@pytest.mark.slow
def test_large_odd_images_have_no_seams(upscaler, rng):
    pixels = rng.integers(0, 256, (557, 1061, 3), np.uint8)
    upscaler._enlargers.first.tile = None
    whole = upscaler(pixels).astype(int)
    for tile in TILES[:-1]:
        upscaler._enlargers.first.tile = tile
        assert np.abs(upscaler(pixels).astype(int) - whole).max() <= 1


def test_what_is_lost_is_said(upscaler, photo):
    with pytest.warns(UserWarning, match="converted from CMYK"):
        upscaler(Image.fromarray(photo).convert("CMYK"))


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


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_a_pillow_image_of_16_bits_keeps_them(order):
    grey = np.linspace(1000, 60000, 24 * 20).reshape(24, 20).astype(order)
    image = Image.frombytes("I;16" if order == "<u2" else "I;16B", (20, 24), grey.tobytes())
    with Upscaler("fast", scale=2, runtime="cpu") as upscaler:
        large = upscaler(image)
        expected = upscaler(grey.astype(np.uint16))
    assert (large.mode, large.size) == ("I;16", (40, 48))
    assert np.array_equal(np.asarray(large), expected)


def test_sixteen_bits_run_in_fp32_under_auto(photo):
    upscaler = Upscaler("fast", scale=2)
    deep = upscaler(photo.astype(np.uint16) * 257)
    exact = Upscaler("fast", scale=2, precision="fp32")(photo.astype(np.uint16) * 257)
    np.testing.assert_array_equal(deep, exact)


def test_flat_pictures_stay_flat(upscaler):
    for level in (0, 1, 127, 255):
        assert (upscaler(np.full((20, 30), level, np.uint8)) == level).all()


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
