"""Small tiles share calls on a GPU, and nothing else: bytes, errors and ends stay each one's own.

What computes here is a stand-in for a GPU.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from upscaler.images import Picture
from upscaler.inference.enlargement import Enlargement
from upscaler.models import find_model
from upscaler.runtimes import BrokenTile, PixelRuntime
from upscaler.runtimes.batching import Batching
from upscaler.runtimes.groups import GROUP_PIXELS, LARGEST_GROUP, group_size
from upscaler.runtimes.multi_device import MultiDevice

BROKEN, REFUSED = 255, 254
"""Tiles that are this all over come out as no numbers, or raise another error."""


@pytest.fixture(autouse=True)
def watchdog():
    """End what hangs: a group that nobody computes would be waited for for ever."""
    import faulthandler

    faulthandler.dump_traceback_later(300, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


class Gpu(PixelRuntime):
    """Doubles pictures, one call on each stream; rounds as the number of tiles in a call says.

    Attributes:
        calls: the tiles of each call.
    """

    name = "gpu"

    def __init__(self, streams=1, pause=None):
        super().__init__(find_model("fast", 2), "fp16", streams)
        self.calls, self._pause = [], pause or (lambda: None)
        self._free = threading.Semaphore(streams)

    @classmethod
    def precisions(cls):
        return ("fp16",)

    def infer(self, batch):
        return batch.repeat(2, axis=2).repeat(2, axis=3)

    def infer_pixels(self, pixels):
        assert pixels.flags.c_contiguous and pixels.dtype == np.uint8
        assert self._free.acquire(blocking=False), "more calls than streams"
        try:
            self.calls.append(pixels.copy())
            self._pause()
            values = {int(tile.flat[0]) for tile in pixels if tile.min() == tile.max()}
            if BROKEN in values:
                raise BrokenTile("not finite")
            if REFUSED in values:
                raise RuntimeError("the library refuses")
            return pixels.repeat(2, axis=1).repeat(2, axis=2) ^ np.uint8(len(pixels))
        finally:
            self._free.release()


def doubled(tile):
    """What a tile has to come back as, whatever went with it."""
    size = group_size(*tile.shape[1:3])
    return tile.repeat(2, axis=1).repeat(2, axis=2) ^ np.uint8(size)


def tiles_of(rng, number, side=64):
    return list(rng.integers(0, 250, (number, 1, side, side, 3), np.uint8))


def value(number, side=64):
    return np.full((1, side, side, 3), number, np.uint8)


class Holding(Gpu):
    """A GPU whose first call lasts until it is told to go on."""

    def __init__(self):
        super().__init__(1, self._hold)
        self.began, self.go_on = threading.Event(), threading.Event()

    def _hold(self):
        self.began.set()
        self.go_on.wait()


def joined(batching, number, shape=(1, 64, 64, 3)):
    """Wait until so many tiles wait in an open group."""
    while True:
        with batching._lock:
            group = batching._waiting.get(shape)
            if (len(group.tiles) if group else 0) == number:
                return
        time.sleep(0.001)


def behind_a_call(tiles, waiting):
    """Send one tile, and while it is computed all `tiles`; returns the GPU and the futures.

    Args:
        waiting: how many of them are to wait in an open group before the call ends.
    """
    gpu = Holding()
    batching = Batching(gpu)
    with ThreadPoolExecutor(len(tiles) + 1) as pool:
        pool.submit(batching.infer_pixels, value(7))
        gpu.began.wait()
        futures = [pool.submit(batching.infer_pixels, tile) for tile in tiles]
        try:
            joined(batching, waiting)
        finally:
            gpu.go_on.set()
    return gpu, futures


def test_the_number_in_a_call_follows_from_the_shape_alone():
    for side in range(1, 600):
        size = group_size(side, side)
        assert size in (1, 2, 4, 8)
        assert size == 1 or size * side**2 <= GROUP_PIXELS
        assert size == LARGEST_GROUP or 2 * size * side**2 > GROUP_PIXELS
    assert [group_size(*shape) for shape in ((64, 64), (16, 128), (128, 16), (16, 300))] == [
        8,
        4,
        4,
        1,
    ]


def test_what_waits_for_a_stream_shares_one_call(rng):
    tiles = tiles_of(rng, 5)
    gpu, futures = behind_a_call(tiles, waiting=5)
    assert [len(call) for call in gpu.calls] == [8, 8]
    for tile, future in zip(tiles, futures, strict=True):
        assert np.array_equal(future.result(), doubled(tile))


def test_a_group_that_is_not_full_is_filled_with_copies(rng):
    gpu, _ = behind_a_call(tiles_of(rng, 3), waiting=3)
    alone, call = gpu.calls
    assert (alone == 7).all()
    assert all(np.array_equal(tile, call[2]) for tile in call[2:])
    assert not np.array_equal(call[0], call[2])


def test_a_full_group_lets_the_next_begin(rng):
    gpu, futures = behind_a_call(tiles := tiles_of(rng, 20), waiting=4)
    assert [len(call) for call in gpu.calls] == [8] * 4
    assert all(
        np.array_equal(future.result(), doubled(tile))
        for tile, future in zip(tiles, futures, strict=True)
    )


def test_a_tile_alone_does_not_wait_for_others(rng):
    gpu = Gpu()
    (tile,) = tiles_of(rng, 1)
    assert np.array_equal(Batching(gpu).infer_pixels(tile), doubled(tile))
    assert len(gpu.calls) == 1


def test_large_tiles_go_one_by_one(rng):
    gpu = Gpu(streams=2)
    tiles = tiles_of(rng, 6, side=200)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(Batching(gpu).infer_pixels, tiles))
    assert [len(call) for call in gpu.calls] == [1] * 6
    assert all(np.array_equal(a, doubled(b)) for a, b in zip(made, tiles, strict=True))


def test_each_shape_has_groups_of_its_own(rng):
    tiles = tiles_of(rng, 4, 64) + tiles_of(rng, 4, 100)
    gpu = Gpu(pause=lambda: time.sleep(0.02))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(Batching(gpu).infer_pixels, tiles))
    assert all(np.array_equal(a, doubled(b)) for a, b in zip(made, tiles, strict=True))
    assert {call.shape[:2] for call in gpu.calls} == {(8, 64), (4, 100)}


@pytest.mark.parametrize("threads", [1, 2, 8, 24])
@pytest.mark.parametrize("streams", [1, 3])
def test_neither_threads_nor_timing_change_a_byte(rng, threads, streams):
    timing = np.random.default_rng(threads)
    gpu = Gpu(streams, lambda: time.sleep(timing.random() / 200))
    tiles = [tile for side in (24, 64, 100, 200) for tile in tiles_of(rng, 12, side)]
    tiles = [tiles[number] for number in rng.permutation(len(tiles))]
    with ThreadPoolExecutor(threads) as pool:
        made = list(pool.map(Batching(gpu).infer_pixels, tiles))
    assert all(np.array_equal(a, doubled(b)) for a, b in zip(made, tiles, strict=True))


def test_more_tiles_in_a_call_are_no_other_tiles(rng):
    tiles = np.concatenate(tiles_of(rng, 3))
    assert np.array_equal(Batching(Gpu()).infer_pixels(tiles), doubled(tiles))


def test_an_error_reaches_only_those_whose_it_is(rng):
    good = tiles_of(rng, 4)
    tiles = [good[0], value(BROKEN), good[1], value(REFUSED), good[2], value(BROKEN), good[3]]
    gpu, futures = behind_a_call(tiles, waiting=7)
    outcomes = [type(future.exception()) for future in futures]
    nothing = type(None)
    assert outcomes == [
        nothing, BrokenTile, nothing, RuntimeError, nothing, BrokenTile, nothing
    ]  # fmt: skip
    for tile, future in zip(tiles[::2][:2], futures[::2][:2], strict=True):
        assert np.array_equal(future.result(), doubled(tile))
    assert [len(call) for call in gpu.calls] == [8] * 9  # alone, together, and each by itself


def test_a_tile_that_broke_alone_is_not_computed_twice():
    gpu = Gpu()
    with pytest.raises(BrokenTile):
        Batching(gpu).infer_pixels(value(BROKEN))
    assert len(gpu.calls) == 1


def test_those_whose_leader_was_interrupted_go_on_alone(rng):
    """Ctrl-C strikes the main thread, which may lead a group that others wait for."""
    tiles = tiles_of(rng, 3)
    gpu, struck = Gpu(), threading.Event()
    batching = Batching(gpu)

    class Interrupted:
        def __enter__(self):
            joined(batching, 3)
            batching._cuda_streams = own
            struck.set()
            raise KeyboardInterrupt

        def __exit__(self, *error):
            """It is never entered."""

    own, batching._cuda_streams = batching._cuda_streams, Interrupted()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(batching.infer_pixels, tiles[0])
        joined(batching, 1)
        others = [pool.submit(batching.infer_pixels, tile) for tile in tiles[1:]]
        for tile, future in zip(tiles[1:], others, strict=True):
            assert np.array_equal(future.result(), doubled(tile))
        assert struck.is_set() and isinstance(first.exception(), KeyboardInterrupt)
    assert not batching._waiting


def test_groups_go_to_whichever_gpu_is_free(rng):
    gpus = [Holding(), Holding()]
    batching = Batching(MultiDevice(gpus))
    assert (batching.streams, batching.at_once) == (2, 2 * LARGEST_GROUP)
    tiles = tiles_of(rng, 17)
    with ThreadPoolExecutor(17) as pool:
        futures = []
        for gpu in gpus:
            futures.append(pool.submit(batching.infer_pixels, tiles[len(futures)]))
            assert gpu.began.wait(60)
        futures += [pool.submit(batching.infer_pixels, tile) for tile in tiles[2:]]
        joined(batching, 7)
        for gpu in gpus:
            gpu.go_on.set()
    for tile, future in zip(tiles, futures, strict=True):
        assert np.array_equal(future.result(), doubled(tile))
    assert sum(len(gpu.calls) for gpu in gpus) == 4


def test_a_group_too_large_for_the_memory_is_computed_in_halves(rng):
    class Small(Gpu):
        def infer_pixels(self, pixels):
            if pixels[..., 0].size > 30_000:  # 8 times 64x64 are more
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return super().infer_pixels(pixels)

    (tile,) = tiles_of(rng, 1)
    work = Enlargement(Picture.from_pixels(tile[0]), Batching(Small()), None, lambda: None)
    for run in work.tiles:
        run()
    made = work.finish()
    assert np.array_equal(made.pixels[None], doubled(tile))
    assert "computed in halves" in made.warnings[0]


def test_floats_pass_straight_through(rng):
    gpu, batch = Gpu(), rng.random((1, 3, 8, 8), np.float32)
    assert np.array_equal(Batching(gpu).infer(batch), gpu.infer(batch))
