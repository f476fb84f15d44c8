"""What was found out about models from outside, kept on disk: a trial runs once for each file.

A file of JSON each, below the platform's cache folder, named by all that the verdict depends on.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

from upscaler.errors import StartError
from upscaler.hardware.folders import cache_folder, write_whole
from upscaler.models.spec import ModelSpec
from upscaler.version import __version__

_RULES = 1
"""Of the trial: it grows when another verdict may come of it."""


def recall(sha256: str) -> ModelSpec | None:
    """Return what is known of a model, or None.

    Args:
        sha256: of its file and those with its weights, as `Model.sha256` has it.
    """
    try:
        return ModelSpec.from_json(_path(sha256).read_text(encoding="utf-8"))
    except (OSError, ValueError, StartError):  # a verdict that cannot be read is found again
        return None


def remember(sha256: str, spec: ModelSpec) -> None:
    """Keep what was found out about a model; one that cannot be kept is found again next time."""
    with suppress(OSError, StartError):
        write_whole(_path(sha256), spec.to_json().encode())


def forget(sha256: str) -> None:
    """Remove what is known of a model."""
    with suppress(OSError, StartError):
        _path(sha256).unlink()


def _path(sha256: str) -> Path:
    name = hashlib.sha256(f"{sha256} {__version__} {_RULES}".encode()).hexdigest()[:32]
    return cache_folder("verdicts") / f"{name}.json"
