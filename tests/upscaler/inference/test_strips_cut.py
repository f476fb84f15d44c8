"""Where a picture is cut into strips, and strips into rows."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from upscaler.images.picture import in_rows_of
from upscaler.inference import tiling
from upscaler.inference.strips import strips_of


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(1, 90), st.sampled_from([2, 4]), st.booleans())
def test_strips_cover_a_picture_once_from_what_they_hold(height, width, alignment, even):
    halo = 12
    plan = tiling.divide(height, width, core=64, halo=halo, alignment=alignment, even=even)
    strips = strips_of(plan, height, halo)
    assert [strip.keep_start for strip in strips[1:]] == [strip.keep_stop for strip in strips[:-1]]
    assert (strips[0].keep_start, strips[-1].keep_stop) == (0, height)
    assert sum(len(strip.tiles) for strip in strips) == len(plan)
    for strip, after in itertools.pairwise(strips):
        assert strip.start <= after.start and strip.stop <= after.stop


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=9), st.integers(1, 7))
def test_strips_are_cut_anew(heights, rows):
    whole = np.arange(sum(heights))[:, None, None]
    cuts = np.cumsum(heights[:-1]) if heights else []
    made = list(in_rows_of(rows, np.split(whole, cuts)))
    assert all(len(strip) == rows for strip in made[:-1])
    assert sum(map(len, made)) == len(whole)
    if made:
        np.testing.assert_array_equal(np.concatenate(made), whole)
