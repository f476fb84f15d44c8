import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from upscaler import tiling

sizes = st.integers(1, 90)
settings = {
    "core": st.one_of(st.none(), st.integers(1, 40)),
    "alignment": st.sampled_from([1, 2, 4]),
    "margin": st.integers(0, 3),
}


@given(height=sizes, width=sizes, **settings)
def test_tiles_cover_everything_once_in_one_shape(height, width, core, alignment, margin):
    tiles = tiling.plan(height, width, core=core, halo=margin * alignment, alignment=alignment)
    covered = np.zeros((-(-height // alignment) * alignment, -(-width // alignment) * alignment))
    for tile in tiles:
        rows, columns = tile.rows, tile.columns
        covered[rows.keep_start : rows.keep_stop, columns.keep_start : columns.keep_stop] += 1
        assert rows.start % alignment == columns.start % alignment == 0
    assert (covered == 1).all()
    assert len({(t.rows.stop - t.rows.start, t.columns.stop - t.columns.start) for t in tiles}) == 1


@given(height=sizes, width=sizes, **settings)
def test_inner_edges_carry_the_halo(height, width, core, alignment, margin):
    halo = margin * alignment
    for tile in tiling.plan(height, width, core=core, halo=halo, alignment=alignment):
        for span, size in ((tile.rows, height), (tile.columns, width)):
            assert span.start == 0 or span.keep_start - span.start >= halo
            assert span.stop >= size or span.stop - span.keep_stop >= halo


@given(height=sizes, width=sizes, **settings)
def test_cut_and_join_are_inverse(height, width, core, alignment, margin):
    image = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3)
    aligned = tiling.align(image, alignment)
    output = np.zeros_like(image).repeat(2, axis=0).repeat(2, axis=1)
    for tile in tiling.plan(height, width, core=core, halo=margin * alignment, alignment=alignment):
        upscaled = tiling.cut(aligned, tile).repeat(2, axis=0).repeat(2, axis=1)
        tiling.join(output, tile, upscaled, 2)
    np.testing.assert_array_equal(output[::2, ::2], image)
    np.testing.assert_array_equal(output[1::2, 1::2], image)


def test_align_mirrors():
    image = np.arange(3).reshape(1, 3, 1)
    assert tiling.align(image, 2)[..., 0].tolist() == [[0, 1, 2, 2], [0, 1, 2, 2]]
    assert tiling.align(image, 1) is image
