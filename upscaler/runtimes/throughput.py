"""How many pixels a second a runtime makes, the network alone."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.models.grid import round_up
from upscaler.runtimes.pixels import to_batch, to_pixels
from upscaler.runtimes.runtime import PixelRuntime, Runtime

SIDE = 256
"""Of the tile that is measured by default, in pixels, if the model takes that."""


def seconds_per_round(runtime: Runtime) -> float:
    """Return the seconds for one tile on each stream, on the way that 8-bit pictures take."""
    return _seconds(runtime, test_tile(*side_of(runtime)), runtime.streams)


def pixels_per_second(runtime: Runtime, height: int, width: int, at_once: int) -> float:
    """Return the input's pixels a second when so many tiles are handed over at once.

    Args:
        height, width: of a tile in pixels; smaller where the runtime takes no such tile.
    """
    longest = runtime.largest_side or max(height, width)
    sides = min(height, longest), min(width, longest)
    tile = test_tile(*(runtime.model.spec.tiling.size or sides))
    size: int = tile.shape[1] * tile.shape[2]
    return at_once * size / _seconds(runtime, tile, at_once)


def _seconds(runtime: Runtime, tile: NDArray[np.uint8], at_once: int) -> float:
    call = tile_call(runtime, tile)
    with ThreadPoolExecutor(at_once) as pool:
        began = time.perf_counter()
        for ended in [pool.submit(call) for _ in range(at_once)]:
            ended.result()
        return time.perf_counter() - began


def tile_call(runtime: Runtime, tile: NDArray[np.uint8]) -> Callable[[], NDArray[Any]]:
    """Return what upscales a tile: pixels where these cross to the GPU, floats elsewhere."""
    if isinstance(runtime, PixelRuntime):
        return partial(runtime.infer_pixels, tile)
    return partial(runtime.infer, to_batch(tile))


def megapixels_per_round(runtime: Runtime) -> float:
    """Return the megapixels of output that `seconds_per_round` makes."""
    height, width = side_of(runtime)
    return runtime.streams * height * width * runtime.model.spec.scale**2 / 1e6


def side_of(runtime: Runtime) -> tuple[int, int]:
    """Return height and width of the tile that is measured by default, in pixels."""
    spec = runtime.model.spec
    side = round_up(SIDE, spec.alignment)
    return spec.tiling.size or (side, side)


@lru_cache(maxsize=2)
def test_tile(height: int, width: int) -> NDArray[np.uint8]:
    """Return waves with some noise, (1, height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width] / SIDE
    waves = np.stack([np.sin(40 * x * y), np.cos(25 * (x + y) ** 2), np.sin(60 * (x - y))])
    noisy = 0.5 + 0.4 * waves + np.random.default_rng(0).normal(0, 0.02, waves.shape)
    return to_pixels(noisy[None].astype(np.float32), np.uint8)
