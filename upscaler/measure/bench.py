"""How fast a model runs on this machine, the network alone."""

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.errors import RuntimeUnavailable
from upscaler.hardware.cpu import cores
from upscaler.hardware.system import peak_memory_bytes
from upscaler.models import Model
from upscaler.quality.metrics import psnr
from upscaler.runtimes import (
    RUNTIMES,
    Runtime,
    RuntimeRequest,
    open_runtime,
    precisions_of,
    to_pixels,
)
from upscaler.runtimes.throughput import (
    megapixels_per_round,
    seconds_per_round,
    side_of,
    test_tile,
    tile_call,
)

REFERENCE = ("cpu", "fp32")
"""The runtime and precision that the others are compared with."""

_WARM_UP = 2
"""Rounds that do not count: in the second, a GPU's streams record their graphs."""


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
    runtime = open_runtime(RuntimeRequest(model, streams=cores())).runtime
    seconds = min(seconds_per_round(runtime) for _ in range(4))
    return {
        "runtime": runtime.name,
        "precision": runtime.precision,
        "megapixels_per_second": round(megapixels_per_round(runtime) / seconds, 2),
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
            speeds[key].append(megapixels_per_round(runtime) / seconds_per_round(runtime))
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
                choice = open_runtime(RuntimeRequest(model, precision, cores()), name)
            except RuntimeUnavailable as error:
                missing[f"{name} in {precision}"] = str(error)
            else:
                runtimes[name, precision] = choice.runtime
    return runtimes, missing


def _as_file(runtime: Runtime) -> NDArray[np.uint8]:
    """Return the upscaled tile as a file would hold it, (1, H, W, 3)."""
    output = tile_call(runtime, test_tile(*side_of(runtime)))()
    return output if output.dtype == np.uint8 else to_pixels(output, np.uint8)


def _alone(model: Model, name: str, precision: str) -> tuple[float, float]:
    """Return start-up in seconds and peak memory in MB, measured in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(int).result()  # the process itself is not what is measured
        return pool.submit(_first_tile, model, name, precision).result()


def _first_tile(model: Model, name: str, precision: str) -> tuple[float, float]:
    began = time.perf_counter()
    runtime = open_runtime(RuntimeRequest(model, precision, cores()), name).runtime
    tile_call(runtime, test_tile(*side_of(runtime)))()
    return time.perf_counter() - began, peak_memory_bytes() / 1e6
