"""How far a cut is seen is measured on fewer pixels where each takes long."""

import pytest

from upscaler.models.trial import edges


class Watched:
    """A network that changes nothing, and counts the pixels that it gets."""

    scale = 1

    def __init__(self, seconds_per_pixel):
        self.seconds_per_pixel, self.pixels = seconds_per_pixel, 0

    def __call__(self, batch):
        self.pixels += batch.shape[2] * batch.shape[3]
        return batch


@pytest.mark.parametrize("alignment", [1, 8])
def test_a_heavy_network_gets_a_quarter_of_the_pixels(alignment):
    limit = edges.WORK / edges.work(alignment, edges.SMALL)
    light, heavy = Watched(limit), Watched(1.01 * limit)
    seen = [edges.measure(network, alignment, edges.SMALL) for network in (light, heavy)]
    assert light.pixels == edges.work(alignment, edges.SMALL) == 4 * heavy.pixels
    assert all(one.beyond(0) == 0 for one in seen)
    assert len(seen[0].lines) == len(seen[1].lines)
