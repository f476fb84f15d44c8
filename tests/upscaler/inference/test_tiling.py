import hypothesis
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from upscaler.inference import tiling

sizes = st.integers(1, 90)
settings = {
    "core": st.one_of(st.none(), st.integers(1, 40)),
    "alignment": st.sampled_from([1, 2, 4]),
    "margin": st.integers(0, 3),
    "even": st.booleans(),
}


def planned(height, width, core, alignment, margin, even):
    halo = margin * alignment
    return tiling.divide(height, width, core=core, halo=halo, alignment=alignment, even=even)


@given(height=sizes, width=sizes, **settings)
def test_tiles_cover_everything_once_in_one_shape(height, width, core, alignment, margin, even):
    tiles = planned(height, width, core, alignment, margin, even)
    covered = np.zeros((-(-height // alignment) * alignment, -(-width // alignment) * alignment))
    for tile in tiles:
        rows, columns = tile.rows, tile.columns
        covered[rows.keep_start : rows.keep_stop, columns.keep_start : columns.keep_stop] += 1
        assert rows.start % alignment == columns.start % alignment == 0
    assert (covered == 1).all()
    assert len({(t.rows.stop - t.rows.start, t.columns.stop - t.columns.start) for t in tiles}) == 1


@given(height=sizes, width=sizes, **settings)
def test_inner_edges_carry_the_halo(height, width, core, alignment, margin, even):
    halo = margin * alignment
    for tile in planned(height, width, core, alignment, margin, even):
        for span, size in ((tile.rows, height), (tile.columns, width)):
            assert span.start == 0 or span.keep_start - span.start >= halo
            assert span.stop >= size or span.stop - span.keep_stop >= halo


@hypothesis.settings(deadline=None)  # which another program on the machine would break
@given(height=sizes, width=sizes, **settings)
def test_cut_and_join_are_inverse(height, width, core, alignment, margin, even):
    image = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3)
    aligned = tiling.align(image, alignment)
    output = np.zeros_like(image).repeat(2, axis=0).repeat(2, axis=1)
    for tile in planned(height, width, core, alignment, margin, even):
        upscaled = tiling.cut(aligned, tile).repeat(2, axis=0).repeat(2, axis=1)
        tiling.join(output, tile, upscaled, 2)
    np.testing.assert_array_equal(output[::2, ::2], image)
    np.testing.assert_array_equal(output[1::2, 1::2], image)


@given(height=sizes, width=sizes, **{key: settings[key] for key in settings if key != "even"})
def test_even_tiles_are_as_many_and_no_larger(height, width, core, alignment, margin):
    one, other = (planned(height, width, core, alignment, margin, even) for even in (True, False))
    assert len(one) == len(other)
    assert one[0].rows.stop <= other[0].rows.stop
    assert one[0].columns.stop <= other[0].columns.stop


def test_a_picture_a_little_larger_than_a_tile_does_not_pay_for_two_whole_ones():
    tiles = tiling.divide(600, 400, core=512, halo=16, alignment=2, even=True)
    assert [(tile.rows.start, tile.rows.stop) for tile in tiles] == [(0, 316), (284, 600)]


def test_align_mirrors():
    image = np.arange(3).reshape(1, 3, 1)
    assert tiling.align(image, 2)[..., 0].tolist() == [[0, 1, 2, 2], [0, 1, 2, 2]]
    assert tiling.align(image, 1) is image
