"""libvips as it is used here, whoever imports it first."""

import os

# before libvips is loaded: only its loaders that are fuzzed, however a file calls itself
os.environ.setdefault("VIPS_BLOCK_UNTRUSTED", "1")
os.environ.setdefault("VIPS_CONCURRENCY", "1")  # the pipeline has threads of its own

import pyvips  # type: ignore[import-untyped]

pyvips.cache_set_max(0)  # each picture is read once

KINDS = {"b-w", "grey16", "rgb16", "rgb", "srgb"}
"""The interpretations of pixels that are grey or RGB."""


def reason(error: pyvips.Error) -> str:
    """Return the last line of what libvips says went wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


__all__ = ["KINDS", "pyvips", "reason"]
