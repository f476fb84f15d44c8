"""TensorRT engines: built once for a machine, kept in a private folder, never taken from elsewhere.

An engine is code. So only this user may write into the folder, and the name of each file is a
digest of all that its engine depends on. A file is one line of JSON, and then the engine.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from upscaler.errors import OutputError
from upscaler.hardware import system
from upscaler.hardware.folders import cache_folder, private, write_whole


@dataclass(frozen=True)
class EngineKey:
    """All that decides whether an engine may be used again."""

    model: str
    """sha256 of the ONNX file that it was built from."""
    precision: str
    side: int
    """Of the tiles that it was built for, in pixels."""
    builder: str
    """The library and its version; engines are bound to both."""
    driver: str
    gpu: str
    layout: int = 2
    """Of the profiles that engines are built with and of the file: it grows when either changes."""

    @property
    def digest(self) -> str:
        """The name of its file."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Engine:
    """A serialised engine."""

    content: bytes
    proved: bool
    """Whether it has computed the probe right on a GPU here."""


class EngineCache:
    """A folder of engines that only this user can write.

    Args:
        folder: by default the platform's cache folder.

    Raises:
        StartError: the folder belongs to another user, or others may write into it.
        OutputError: it cannot be created.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = private(folder) if folder else cache_folder("engines")

    def path(self, key: EngineKey) -> Path:
        """Where an engine lies, or would lie."""
        return self.folder / f"{key.digest}.engine"

    def get(self, key: EngineKey) -> Engine | None:
        """Return the engine for a key, or None if there is none, or none that can be read.

        Raises:
            OutputError: the file cannot be opened.
        """
        try:
            head, _, content = self.path(key).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutputError(f"cannot read {self.path(key)}: {error.strerror}") from None
        try:
            return Engine(content, proved=json.loads(head)["proved"] is True)
        except (ValueError, KeyError, TypeError):
            return None

    def put(self, key: EngineKey, engine: Engine) -> Path:
        """Store an engine whole or not at all; raises OutputError if it cannot be written."""
        head = json.dumps({"proved": engine.proved}).encode()
        self._write(self.path(key), head + b"\n" + engine.content)
        self._failure(key).unlink(missing_ok=True)  # a new engine is worth a new try
        return self.path(key)

    def drop(self, key: EngineKey) -> None:
        """Forget an engine that does not load."""
        self.path(key).unlink(missing_ok=True)

    def record_failure(self, key: EngineKey, reason: str) -> None:
        """Remember why a key is not worth building; raises OutputError if it cannot be written."""
        self._write(self._failure(key), reason.encode())

    def recorded_failure(self, key: EngineKey) -> str | None:
        """Return the reason given to `record_failure` since the last `put`, or None."""
        try:
            return self._failure(key).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    @contextmanager
    def building(self, key: EngineKey) -> Iterator[None]:
        """Hold the key's lock: of several processes one builds, and the others wait for it.

        Raises:
            OutputError: there can be no lock.
        """
        path = self.folder / f"{key.digest}.lock"
        with ExitStack() as held:
            try:
                file = held.enter_context(path.open("w"))
                system.lock(file)  # where there are no locks, two may build the same side by side
            except OSError as error:
                raise OutputError(f"cannot lock {path}: {error.strerror}") from None
            yield

    def _failure(self, key: EngineKey) -> Path:
        return self.folder / f"{key.digest}.failed"

    def _write(self, path: Path, content: bytes) -> None:
        try:
            write_whole(path, content)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from None
