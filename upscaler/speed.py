"""How fast a model runs on this machine, the network alone."""

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.errors import RuntimeUnavailable
from upscaler.machine import cores, peak_memory_bytes
from upscaler.metrics import psnr
from upscaler.models import Model
from upscaler.runtimes import RUNTIMES, Runtime, open_runtime

REFERENCE = ("cpu", "fp32")
"""The runtime and precision that the others are compared with."""

_SIDE = 256


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
    runtime = open_runtime(model, name="auto", precision="auto", streams=cores()).runtime
    seconds = min(_time(runtime, _tile()) for _ in range(4))
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
    tile = _tile()
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in runtimes}
    for _ in range(rounds + 1):
        for key, runtime in runtimes.items():
            seconds[key].append(_time(runtime, tile))
    expected = _as_file(runtimes[REFERENCE].infer(tile))
    measured = []
    for key, runtime in runtimes.items():
        own, theirs = seconds[key][1:], seconds[REFERENCE][1:]  # the first round warms up
        startup, memory = _alone(model, *key)
        measured.append(
            Measurement(
                model=model.spec.title,
                runtime=runtime.name,
                precision=runtime.precision,
                mp_per_s=round(_megapixels(runtime) / statistics.median(own), 2),
                ratio=round(statistics.median(b / a for a, b in zip(own, theirs, strict=True)), 2),
                psnr=round(psnr(_as_file(runtime.infer(tile)), expected), 1),
                startup_s=round(startup, 2),
                memory_mb=round(memory),
            )
        )
    return Bench(measured, missing)


def _open_all(model: Model) -> tuple[dict[tuple[str, str], Runtime], dict[str, str]]:
    runtimes: dict[tuple[str, str], Runtime] = {}
    missing: dict[str, str] = {}
    for name, entry in RUNTIMES.items():
        try:
            offered = entry.load().precisions()
        except RuntimeUnavailable as error:
            missing[name] = str(error)
            continue
        for precision in offered:
            try:
                choice = open_runtime(model, name=name, precision=precision, streams=cores())
            except RuntimeUnavailable as error:
                missing[f"{name} in {precision}"] = str(error)
            else:
                runtimes[name, precision] = choice.runtime
    return runtimes, missing


def _time(runtime: Runtime, tile: NDArray[np.float32]) -> float:
    """Return the seconds for one tile on each stream."""
    with ThreadPoolExecutor(runtime.streams) as pool:
        began = time.perf_counter()
        list(pool.map(runtime.infer, [tile] * runtime.streams))
        return time.perf_counter() - began


def _megapixels(runtime: Runtime) -> float:
    return runtime.streams * (_SIDE * runtime.model.spec.scale) ** 2 / 1e6


def _tile() -> NDArray[np.float32]:
    """Return waves with some noise, float32 (1, 3, _SIDE, _SIDE) in [0, 1]."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / _SIDE
    waves = np.stack([np.sin(40 * x * y), np.cos(25 * (x + y) ** 2), np.sin(60 * (x - y))])
    noisy = 0.5 + 0.4 * waves + np.random.default_rng(0).normal(0, 0.02, waves.shape)
    return np.clip(noisy, 0, 1)[None].astype(np.float32)


def _as_file(output: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.clip(output, 0, 1) * 255).astype(np.uint8)


def _alone(model: Model, name: str, precision: str) -> tuple[float, float]:
    """Return start-up in seconds and peak memory in MB, measured in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(int).result()  # the process itself is not what is measured
        return pool.submit(_first_tile, model, name, precision).result()


def _first_tile(model: Model, name: str, precision: str) -> tuple[float, float]:
    began = time.perf_counter()
    open_runtime(model, name=name, precision=precision, streams=cores()).runtime.infer(_tile())
    return time.perf_counter() - began, peak_memory_bytes() / 1e6
