import os

import numpy as np
import pytest

net = pytest.importorskip("upscaler.runtimes.ncnn.net", reason="needs the [gpu] extra")


@pytest.mark.parametrize("size", [(8, 8), (24, 30), (200, 300)])
def test_a_matrix_holds_a_copy_whatever_the_order_of_the_values(rng, size):
    """Of channels that lie side by side a copy is made on the way, which must not go too early."""
    pixels = rng.random((*size, 3), np.float32)
    for image in (pixels.transpose(2, 0, 1), np.ascontiguousarray(pixels.transpose(2, 0, 1))):
        matrices = [net.matrix_of(image) for _ in range(20)]
        assert all(np.array_equal(np.array(matrix), image) for matrix in matrices)


def test_what_is_said_to_the_terminal_meanwhile_is_kept_from_it(capfd):
    with net.quiet():
        os.write(2, b"queueC=0")
    os.write(2, b"an error")
    assert capfd.readouterr().err == "an error"
