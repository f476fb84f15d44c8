"""Opening a runtime: the fastest that enlarges a test picture correctly, or the one asked for."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from upscaler.errors import NotReady, RuntimeUnavailable, StartError, UsageError
from upscaler.hardware.gpu import gpus
from upscaler.models import Model
from upscaler.models.chain import Chain
from upscaler.models.probe import difference_from, probe_for
from upscaler.runtimes.batching import Batching, computes_groups
from upscaler.runtimes.in_turn import InTurn
from upscaler.runtimes.multi_device import MultiDevice
from upscaler.runtimes.pixels import Batch, to_batch, to_pixels
from upscaler.runtimes.runtime import (
    PRECISIONS,
    BuiltRuntime,
    PixelRuntime,
    Runtime,
    TriedRuntime,
)
from upscaler.runtimes.table import RUNTIMES

AUTO = "auto"

AUTO_LOSS_DB = 0.02
"""The loss of PSNR on a model's card up to which `auto` takes a faster precision."""

PROBE_BOUND = {"fp32": 1 / 255, "fp16": 2 / 255, "bf16": 8 / 255, "int8": 48 / 255}
"""The largest difference from the proved output that a runtime may show on the probe."""


@dataclass(frozen=True)
class RuntimeRequest:
    """What a runtime is opened for."""

    model: Model
    precision: str = AUTO
    """One of PRECISIONS, or `auto` for the runtime's fastest whose measured loss on the model's
    card is at most AUTO_LOSS_DB."""
    streams: int = 1
    """How many inferences run side by side."""
    devices: tuple[int, ...] = ()
    """The numbers of the GPUs that share the work; empty for the first, or for none."""


@dataclass(frozen=True)
class Choice:
    """An open runtime, and why it is this one."""

    runtime: Runtime
    passed_over: dict[str, str]
    """What is faster but did not open, a runtime or one in some precision, with the reason."""
    to_build: dict[str, str] = field(default_factory=dict)
    """What may be faster, but has to be built or measured first: by name, its precision."""


def by_reason(passed_over: dict[str, str]) -> dict[str, str]:
    """Return what did not open in words by the reason for it, each reason once."""
    names: dict[str, list[str]] = {}
    for name, reason in passed_over.items():
        names.setdefault(reason, []).append(name)
    return {", ".join(group): reason for reason, group in names.items()}


def open_runtime(request: RuntimeRequest, name: str = AUTO) -> Choice:
    """Open a runtime, proved on the probe image.

    Args:
        name: a name of the table; it never falls back. `auto` takes the first of the table that
            opens without building anything, and is not yet to be measured beside the others.

    Raises:
        UsageError: no such runtime, precision or device.
        RuntimeUnavailable: it does not open.
    """
    if isinstance(request.model, Chain):
        return _open_chain(request.model, request, name)
    _check(request, name)
    passed_over: dict[str, str] = {}
    to_build: dict[str, str] = {}
    for candidate in RUNTIMES if name == AUTO else [name]:
        runtime = _open(request, candidate, passed_over, to_build if name == AUTO else None)
        if runtime is not None:
            return Choice(runtime, passed_over, to_build)
    reasons = "; ".join(f"{key}: {reason}" for key, reason in by_reason(passed_over).items())
    raise RuntimeUnavailable(f"the runtime does not open here: {reasons}")


def _open_chain(chain: Chain, request: RuntimeRequest, name: str) -> Choice:
    """Open each of its models by itself; what would have something to build is left at that."""
    choices = [open_runtime(replace(request, model=model), name) for model in chain.members]
    passed_over: dict[str, str] = {}
    for choice in choices:
        passed_over |= choice.passed_over
    return Choice(InTurn(chain, [choice.runtime for choice in choices]), passed_over)


def _check(request: RuntimeRequest, name: str) -> None:
    for what, value, known in (
        ("runtime", name, RUNTIMES),
        ("precision", request.precision, PRECISIONS),
    ):
        if value != AUTO and value not in known:
            raise UsageError(f"no {what} {value}; there are: {AUTO}, {', '.join(known)}")
    found = gpus()
    missing = [str(number) for number in request.devices if number >= len(found)]
    if missing and found:
        raise UsageError(f"no device {', '.join(missing)}; there are: 0 to {len(found) - 1}")


def _open(
    request: RuntimeRequest, name: str, passed_over: dict[str, str], to_build: dict[str, str] | None
) -> Runtime | None:
    """Open one runtime in its best precision; note in `passed_over` what did not open.

    Args:
        to_build: takes what would have something to build, with the precision; None to let it
            build.
    """
    entry = RUNTIMES[name]
    try:
        if request.devices and not entry.needs_nvidia:
            raise RuntimeUnavailable("--device is for NVIDIA GPUs")
        kind = entry.load() if to_build is None else entry.load_unasked()
        candidates = _candidates(kind, request)
    except RuntimeUnavailable as error:
        passed_over[name] = str(error)
        return None
    for candidate in candidates:
        try:
            if to_build is not None:
                _check_tried(kind, request, candidate)
            return _on_all(kind, request, candidate, build=to_build is None)
        except NotReady as error:
            passed_over[f"{name} in {candidate}"] = str(error)
            assert to_build is not None
            to_build[name] = candidate
            return None
        except StartError as error:
            passed_over[f"{name} in {candidate}"] = str(error)
        gc.collect()  # what was opened for nothing points to itself, and holds a GPU's memory
    return None


def _check_tried(kind: type[Runtime], request: RuntimeRequest, precision: str) -> None:
    """Hold `auto` to what is known of a runtime from earlier runs."""
    if not issubclass(kind, TriedRuntime):
        return
    for device in request.devices or (0,):
        with _in_our_terms():
            reason = kind.recorded_failure(request.model, precision, device)
            if reason is not None:
                raise RuntimeUnavailable(f"{reason}; --runtime {kind.name} tries again")
            kind.check_tried(request.model, precision, device)


def precisions_of(name: str) -> tuple[str, ...]:
    """Return the precisions that a runtime of the table offers on hardware of its own.

    Returns:
        the fastest first.

    Raises:
        RuntimeUnavailable: it is not there, or whatever is wrong with it.
    """
    return _offered(RUNTIMES[name].load_unasked())


def _offered(kind: type[Runtime]) -> tuple[str, ...]:
    with _in_our_terms():
        return kind.precisions()


def _candidates(kind: type[Runtime], request: RuntimeRequest) -> list[str]:
    """Return the precisions to try, the fastest first; at least one."""
    offered = _offered(kind)
    if request.precision == AUTO:
        measured = request.model.spec.precision_loss
        found = [p for p in offered if measured.get(p, float("inf")) <= AUTO_LOSS_DB]
    else:
        found = [p for p in offered if p == request.precision]
    if not found:
        raise RuntimeUnavailable(f"it has no {request.precision} here, only {', '.join(offered)}")
    return found


def _on_all(
    kind: type[Runtime], request: RuntimeRequest, precision: str, *, build: bool
) -> Runtime:
    """Open a runtime on every device of the request."""
    devices = request.devices or (0,)
    with _in_our_terms():
        opened = [_proved(kind, request, precision, device, build=build) for device in devices]
        groups = all(computes_groups(runtime, PROBE_BOUND[precision]) for runtime in opened)
    runtime = opened[0] if len(opened) == 1 else MultiDevice(opened)
    return Batching(runtime) if groups and isinstance(runtime, PixelRuntime) else runtime


def _proved(
    kind: type[Runtime], request: RuntimeRequest, precision: str, device: int, *, build: bool
) -> Runtime:
    """Open a runtime and run the probe."""
    try:
        runtime = kind(request.model, precision, request.streams, device)
    except NotReady:
        if not build or not issubclass(kind, BuiltRuntime):
            raise
        kind.make_ready(request.model, precision, device)
        runtime = _just_built(kind, request, precision, device)
    outputs = list(_probed(runtime))
    difference = max(difference_from(output, request.model.spec) for output in outputs)
    bound = PROBE_BOUND[precision]
    if difference > bound:
        raise RuntimeUnavailable(
            f"its output of the test picture differs from the right one by "
            f"{255 * difference:.1f} of 255 (at most {255 * bound:.0f} allowed)"
        )
    runtime.confirm()
    return runtime


def _just_built(
    kind: type[Runtime], request: RuntimeRequest, precision: str, device: int
) -> Runtime:
    try:
        return kind(request.model, precision, request.streams, device)
    except NotReady:
        raise RuntimeUnavailable("it does not load what it has just built") from None


def _probed(runtime: Runtime) -> Iterator[Batch]:
    """Yield what it makes of the probe, on every way into it."""
    probe = probe_for(runtime.model.spec)
    if runtime.takes_floats:
        yield runtime.infer(probe)
    if isinstance(runtime, PixelRuntime):
        pixels = to_pixels(probe, np.uint8)
        yield to_batch(runtime.infer_pixels(pixels))


@contextmanager
def _in_our_terms() -> Iterator[None]:
    """Whatever goes wrong in a runtime means that it is not available: each has its own errors."""
    try:
        yield
    except StartError:
        raise
    except Exception as error:
        raise RuntimeUnavailable(_in_one_line(error)) from error


def _in_one_line(error: Exception) -> str:
    """Return the first line of a library's error, which may have a dozen."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"
