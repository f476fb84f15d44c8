import numpy as np
import pytest

from upscaler.runtimes.pixels import BrokenTile, in_order, through_floats, to_batch, to_pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_value_comes_back(dtype):
    values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    pixels = np.tile(values.reshape(1, 16, -1, 1), (2, 1, 1, 3))
    batch = to_batch(pixels)
    assert (batch.dtype, batch.min(), batch.max()) == (np.float32, 0, 1)
    made = to_pixels(batch, dtype)
    np.testing.assert_array_equal(made, pixels)
    assert made.flags.c_contiguous  # or to join tiles takes four times as long


def test_grey_becomes_three_equal_channels(rng):
    batch = to_batch(rng.integers(0, 256, (1, 4, 5, 1), np.uint8))
    assert batch.shape == (1, 3, 4, 5)
    assert (batch[:, :1] == batch).all()


def test_values_beyond_the_range_are_clamped():
    output = np.array([-1, 0.5, 2], np.float32).reshape(1, 3, 1, 1)
    assert to_pixels(output, np.uint8).tolist() == [[[[0, 128, 255]]]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_numbers_are_no_pixels(value):
    with pytest.raises(BrokenTile):
        through_floats(lambda batch: batch * np.float32(value), np.ones((1, 2, 2, 3), np.uint8))


def test_the_pixels_of_a_graph_come_before_their_sum():
    assert in_order(["total", "upscaled"]) == in_order(["upscaled", "total"])
    assert in_order(["total", "upscaled"])[0] == "upscaled"
