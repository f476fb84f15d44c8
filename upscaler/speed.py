"""How fast a model runs on this machine, the network alone."""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.errors import RuntimeUnavailable
from upscaler.hardware.cpu import cores, peak_memory_bytes
from upscaler.models import Model
from upscaler.quality.metrics import psnr
from upscaler.runtimes import (
    RUNTIMES,
    PixelRuntime,
    Runtime,
    Wish,
    open_runtime,
    precisions_of,
    to_batch,
    to_pixels,
)

REFERENCE = ("cpu", "fp32")
"""The runtime and precision that the others are compared with."""

_SIDE = 256

_WARM_UP = 2
"""Rounds that do not count: in the second, a GPU's lanes record their graphs."""


@dataclass(frozen=True)
class Measurement:
    """One runtime in one precision."""

    model: str
    runtime: str
    precision: str
    mp_per_s: float
    """Megapixels of output a second, on all cores; the median of the rounds."""
    ratio: float
    """Of `mp_per_s` to REFERENCE, the median over rounds that ran in turns."""
    spread: float
    """Largest difference between the rounds' ratios, as a part of `ratio`."""
    psnr: float
    """Of the output against REFERENCE's, rounded to 8 bits, in dB; at most 100."""
    startup_s: float
    """Until the first tile is done, the runtime's import included, in a process of its own."""
    memory_mb: float
    """The largest resident size of that process."""


@dataclass(frozen=True)
class Bench:
    """What was measured, and what could not be."""

    measured: list[Measurement]
    missing: dict[str, str]
    """Why what is not there did not open, by runtime."""


def megapixels_per_second(model: Model) -> dict[str, Any]:
    """Run a few tiles on all cores and return the runtime that `auto` takes, and its speed."""
    runtime = open_runtime(Wish(model, streams=cores())).runtime
    seconds = min(seconds_per_round(runtime) for _ in range(4))
    return {
        "runtime": runtime.name,
        "precision": runtime.precision,
        "megapixels_per_second": round(_megapixels(runtime) / seconds, 2),
    }


def bench(model: Model, rounds: int) -> Bench:
    """Measure every runtime in every precision that opens, in turns.

    Raises:
        RuntimeUnavailable: REFERENCE does not open.
    """
    runtimes, missing = _open_all(model)
    if REFERENCE not in runtimes:
        raise RuntimeUnavailable(f"{' in '.join(REFERENCE)} is what all are compared with, but "
                                 f"it does not open: {missing.get(REFERENCE[0])}")  # fmt: skip
    speeds: dict[tuple[str, str], list[float]] = {key: [] for key in runtimes}
    for _ in range(rounds + _WARM_UP):
        for key, runtime in runtimes.items():
            speeds[key].append(_megapixels(runtime) / seconds_per_round(runtime))
    expected = _as_file(runtimes[REFERENCE])
    measured = []
    for key, runtime in runtimes.items():
        own, theirs = speeds[key][_WARM_UP:], speeds[REFERENCE][_WARM_UP:]
        ratios = [a / b for a, b in zip(own, theirs, strict=True)]
        ratio = statistics.median(ratios)
        startup, memory = _alone(model, *key)
        measured.append(
            Measurement(
                model=model.spec.title,
                runtime=runtime.name,
                precision=runtime.precision,
                mp_per_s=round(statistics.median(own), 2),
                ratio=round(ratio, 2),
                spread=round((max(ratios) - min(ratios)) / ratio, 3),
                psnr=round(psnr(_as_file(runtime), expected), 1),
                startup_s=round(startup, 2),
                memory_mb=round(memory),
            )
        )
    return Bench(measured, missing)


def _open_all(model: Model) -> tuple[dict[tuple[str, str], Runtime], dict[str, str]]:
    runtimes: dict[tuple[str, str], Runtime] = {}
    missing: dict[str, str] = {}
    for name in RUNTIMES:
        try:
            offered = precisions_of(name)
        except RuntimeUnavailable as error:
            missing[name] = str(error)
            continue
        for precision in offered:
            try:
                choice = open_runtime(Wish(model, precision, cores()), name)
            except RuntimeUnavailable as error:
                missing[f"{name} in {precision}"] = str(error)
            else:
                runtimes[name, precision] = choice.runtime
    return runtimes, missing


def seconds_per_round(runtime: Runtime) -> float:
    """Return the seconds for one tile on each stream, on the way that 8-bit pictures take."""
    return _seconds(runtime, _picture(_SIDE, _SIDE), runtime.streams)


def pixels_per_second(runtime: Runtime, height: int, width: int, in_flight: int) -> float:
    """Return the input's pixels a second when so many tiles are handed over at once.

    Args:
        height, width: of a tile in pixels; smaller where the runtime takes no such tile.
    """
    longest = runtime.largest_side or max(height, width)
    tile = _picture(min(height, longest), min(width, longest))
    size: int = tile.shape[1] * tile.shape[2]
    return in_flight * size / _seconds(runtime, tile, in_flight)


def _seconds(runtime: Runtime, tile: NDArray[np.uint8], in_flight: int) -> float:
    call = _call(runtime, tile)
    with ThreadPoolExecutor(in_flight) as pool:
        began = time.perf_counter()
        for ended in [pool.submit(call) for _ in range(in_flight)]:
            ended.result()
        return time.perf_counter() - began


def _call(runtime: Runtime, tile: NDArray[np.uint8]) -> Callable[[], NDArray[Any]]:
    """Return what upscales a tile: pixels where these cross to the GPU, floats elsewhere."""
    if isinstance(runtime, PixelRuntime):
        return partial(runtime.infer_pixels, tile)
    return partial(runtime.infer, to_batch(tile))


def _as_file(runtime: Runtime) -> NDArray[np.uint8]:
    """Return the upscaled tile as a file would hold it, (1, H, W, 3)."""
    output = _call(runtime, _picture(_SIDE, _SIDE))()
    return output if output.dtype == np.uint8 else to_pixels(output, np.uint8)


def _megapixels(runtime: Runtime) -> float:
    return runtime.streams * (_SIDE * runtime.model.spec.scale) ** 2 / 1e6


@lru_cache(maxsize=2)
def _picture(height: int, width: int) -> NDArray[np.uint8]:
    """Return waves with some noise, (1, height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width] / _SIDE
    waves = np.stack([np.sin(40 * x * y), np.cos(25 * (x + y) ** 2), np.sin(60 * (x - y))])
    noisy = 0.5 + 0.4 * waves + np.random.default_rng(0).normal(0, 0.02, waves.shape)
    pixels = np.rint(255 * np.clip(noisy, 0, 1)[None]).astype(np.uint8)
    return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))


def _alone(model: Model, name: str, precision: str) -> tuple[float, float]:
    """Return start-up in seconds and peak memory in MB, measured in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(int).result()  # the process itself is not what is measured
        return pool.submit(_first_tile, model, name, precision).result()


def _first_tile(model: Model, name: str, precision: str) -> tuple[float, float]:
    began = time.perf_counter()
    runtime = open_runtime(Wish(model, precision, cores()), name).runtime
    _call(runtime, _picture(_SIDE, _SIDE))()
    return time.perf_counter() - began, peak_memory_bytes() / 1e6
