"""libvips as it is used here: its loaders are named one by one, and all of these are fuzzed."""

import pyvips  # type: ignore[import-untyped]

KINDS = {"b-w", "grey16", "rgb16", "rgb", "srgb"}
"""The interpretations of pixels that are grey or RGB."""


def reason(error: pyvips.Error) -> str:
    """Return the last line of an error of libvips."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


__all__ = ["KINDS", "pyvips", "reason"]
