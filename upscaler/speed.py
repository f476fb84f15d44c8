"""How fast a model runs on this machine, measured in a moment."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from upscaler.machine import cores
from upscaler.models import Model
from upscaler.runtimes import open_runtime

_SIDE, _ROUNDS = 256, 3


def megapixels_per_second(model: Model) -> dict[str, Any]:
    """Run a few tiles on all cores and return the runtime, its precision and its speed.

    The figure is of output pixels, of the network alone, the best of a few rounds.
    """
    runtime = open_runtime(model, name="auto", precision="auto", streams=cores()).runtime
    tile = np.random.default_rng(0).random((1, 3, _SIDE, _SIDE), np.float32)
    best = float("inf")
    with ThreadPoolExecutor(runtime.streams) as pool:
        for _ in range(_ROUNDS + 1):  # the first round warms up
            began = time.perf_counter()
            list(pool.map(runtime.infer, [tile] * runtime.streams))
            best = min(best, time.perf_counter() - began)
    pixels = runtime.streams * (_SIDE * model.spec.scale) ** 2
    return {
        "runtime": runtime.name,
        "precision": runtime.precision,
        "megapixels_per_second": round(pixels / 1e6 / best, 2),
    }
