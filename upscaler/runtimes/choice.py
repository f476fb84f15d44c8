"""Opening a runtime: the fastest that proves itself, or the one that was asked for."""

from dataclasses import dataclass

from upscaler.errors import RuntimeUnavailable, UsageError
from upscaler.models import Model
from upscaler.probe import largest_difference, probe_image
from upscaler.runtimes.runtime import PRECISIONS, Runtime
from upscaler.runtimes.table import RUNTIMES

AUTO = "auto"

AUTO_LOSS_DB = 0.02
"""The loss of PSNR on a model's card up to which `auto` takes a faster precision."""

PROBE_BOUND = {"fp32": 1 / 255, "fp16": 2 / 255, "bf16": 8 / 255, "int8": 48 / 255}
"""The largest difference from the proved output that a runtime may show on the probe."""


@dataclass(frozen=True)
class Choice:
    """An open runtime, and why it is this one."""

    runtime: Runtime
    passed_over: dict[str, str]
    """What is faster but did not open, a runtime or one in some precision, with the reason."""


def by_reason(passed_over: dict[str, str]) -> dict[str, str]:
    """Return what did not open in words by the reason for it, each reason once."""
    names: dict[str, list[str]] = {}
    for name, reason in passed_over.items():
        names.setdefault(reason, []).append(name)
    return {", ".join(group): reason for reason, group in names.items()}


def open_runtime(model: Model, *, name: str, precision: str, streams: int) -> Choice:
    """Open a runtime for `model`, proved on the probe image.

    Args:
        name: a name of the table, or `auto` for the first of it that opens.
        precision: one of PRECISIONS, or `auto` for the runtime's fastest whose measured loss
            on the model's card is at most AUTO_LOSS_DB.
        streams: how many inferences run side by side.

    Raises:
        UsageError: no such runtime or precision.
        RuntimeUnavailable: it does not open; a named runtime never falls back.
    """
    _check_names(name, precision)
    passed_over: dict[str, str] = {}
    for candidate in RUNTIMES if name == AUTO else [name]:
        runtime = _open(model, candidate, precision, streams, passed_over)
        if runtime is not None:
            return Choice(runtime, passed_over)
    reasons = "; ".join(f"{key}: {reason}" for key, reason in by_reason(passed_over).items())
    raise RuntimeUnavailable(f"the runtime does not open here: {reasons}")


def _check_names(name: str, precision: str) -> None:
    for what, value, known in (
        ("runtime", name, RUNTIMES),
        ("precision", precision, PRECISIONS),
    ):
        if value != AUTO and value not in known:
            raise UsageError(f"no {what} {value}; there are: {AUTO}, {', '.join(known)}")


def _open(
    model: Model, name: str, precision: str, streams: int, passed_over: dict[str, str]
) -> Runtime | None:
    """Open one runtime in its best precision; note in `passed_over` what did not open."""
    try:
        kind = RUNTIMES[name].load()
        candidates = _candidates(kind, model, precision)
    except RuntimeUnavailable as error:
        passed_over[name] = str(error)
        return None
    for candidate in candidates:
        try:
            return _proved(kind, model, candidate, streams)
        except RuntimeUnavailable as error:
            passed_over[f"{name} in {candidate}"] = str(error)
    return None


def _candidates(kind: type[Runtime], model: Model, precision: str) -> list[str]:
    """Return the precisions to try, the fastest first; at least one."""
    try:
        offered = kind.precisions()
    except RuntimeUnavailable:
        raise
    except Exception as error:  # every runtime has errors of its own
        raise RuntimeUnavailable(_in_one_line(error)) from error
    if precision == AUTO:
        measured = model.spec.precision_loss
        found = [p for p in offered if measured.get(p, float("inf")) <= AUTO_LOSS_DB]
    else:
        found = [p for p in offered if p == precision]
    if not found:
        raise RuntimeUnavailable(f"it has no {precision} here, only {', '.join(offered)}")
    return found


def _proved(kind: type[Runtime], model: Model, precision: str, streams: int) -> Runtime:
    """Open a runtime and run the probe; whatever goes wrong means that it is not available."""
    try:
        runtime = kind(model, precision, streams)
        output = runtime.infer(probe_image(model.spec.alignment))
    except RuntimeUnavailable:
        raise
    except Exception as error:  # every runtime has errors of its own
        raise RuntimeUnavailable(_in_one_line(error)) from error
    difference, bound = largest_difference(output, model.spec.probe), PROBE_BOUND[precision]
    if difference > bound:
        raise RuntimeUnavailable(
            f"its output differs from the proved one by "
            f"{255 * difference:.1f} of 255 (at most {255 * bound:.0f} allowed)"
        )
    return runtime


def _in_one_line(error: Exception) -> str:
    """Return the first line of a library's error, which may have a dozen."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"
