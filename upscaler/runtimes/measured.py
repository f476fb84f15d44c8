"""Runtimes on whatever GPU there is, which `auto` takes only where they were faster than the CPU.

An old GPU may lose to the CPU beside it. So a run begins without it, and measures the two beside
each other on tiles of its own (see `upgrade`). The outcome is kept for the next runs.
"""

import hashlib
import json
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

from upscaler.errors import HardwareMissing, NotReady, RuntimeUnavailable, StartError
from upscaler.hardware.adapters import Adapter, adapters, gpu_in_sight
from upscaler.hardware.cpu import cores
from upscaler.hardware.folders import cache_folder, write_whole
from upscaler.hardware.system import processor
from upscaler.models import Model
from upscaler.runtimes.runtime import TriedRuntime
from upscaler.version import __version__

_FASTER = ""
"""What is kept of a runtime that is faster; of any other, the reason not to take it."""


class MeasuredRuntime(TriedRuntime):
    """A runtime that is opened when somebody names it, or when it was measured to be faster."""

    package: ClassVar[str]
    """What pip calls the library, with whose version a measurement ends."""

    @classmethod
    def adapter(cls) -> Adapter:
        """Return what it runs on, a GPU if there is one.

        Raises:
            RuntimeUnavailable: there is nothing, or no driver for it.
        """
        if adapters():
            return adapters()[0]
        if gpu_in_sight():
            raise RuntimeUnavailable("Vulkan finds no GPU: it or the driver is not installed")
        raise HardwareMissing("there is no GPU here, or no driver for it")

    @classmethod
    def check_hardware(cls) -> None:
        """Raise HardwareMissing if what it runs on is no GPU: then only its name opens it."""
        adapter = cls.adapter()
        if adapter.software:
            raise HardwareMissing(f"there is no GPU here, only {adapter.name}, a program")

    def confirm(self) -> None:
        """Forget that it failed or was slower: somebody named it, and it is measured again."""
        super().confirm()
        with suppress(OSError, StartError, PackageNotFoundError):
            if self.recorded_failure(self.model, self.precision, self.device):
                _path(self._digest(self.model, self.precision)).unlink()

    @classmethod
    def record_failure(cls, model: Model, precision: str, device: int, reason: str) -> None:
        """See `TriedRuntime`; another model, driver, processor or version is measured again."""
        _write(cls._digest(model, precision), reason or "it failed")

    @classmethod
    def record_gain(cls, model: Model, precision: str, device: int) -> None:
        """See `TriedRuntime`."""
        _write(cls._digest(model, precision), _FASTER)

    @classmethod
    def recorded_failure(cls, model: Model, precision: str, device: int) -> str | None:
        """See `TriedRuntime`."""
        return _read(cls._digest(model, precision)) or None

    @classmethod
    def check_tried(cls, model: Model, precision: str, device: int) -> None:
        """See `TriedRuntime`."""
        if not cls.known_faster(model, precision):
            raise NotReady("it has yet to be measured beside the CPU")

    @classmethod
    def known_faster(cls, model: Model, precision: str) -> bool:
        """Whether it was opened, measured and found faster in an earlier run."""
        return _read(cls._digest(model, precision)) == _FASTER

    @classmethod
    def _digest(cls, model: Model, precision: str) -> str:
        """Of all that the outcome of a measurement depends on."""
        adapter = cls.adapter()
        decides = (
            *(cls.name, version(cls.package), __version__, model.sha256, precision),
            *(adapter.name, adapter.driver, processor(), cores()),
        )
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:32]


def _path(digest: str) -> Path:
    return cache_folder("measured") / digest


def _read(digest: str) -> str | None:
    with suppress(OSError, StartError):  # what cannot be read is measured again
        return _path(digest).read_text(encoding="utf-8", errors="replace")
    return None


def _write(digest: str, text: str) -> None:
    write_whole(_path(digest), text.encode())
