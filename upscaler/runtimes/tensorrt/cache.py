"""TensorRT engines: built once for a machine, kept in a private cache, never taken from elsewhere.

An engine is code. So each file is sealed with a secret that lies in the same private folder, and
what is not sealed so is built again, never loaded.
"""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

from upscaler.errors import OutputError, StartError

_SECRET, _SECRET_BYTES = ".secret", 32


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
    profiles: int = 3
    """How many it was built with; those of before have two."""

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


class EngineDamaged(StartError):
    """A file in the cache is not what was put there; it has to be built again."""


class EngineCache:
    """A folder of engines that only this user can write.

    Args:
        folder: by default the platform's cache folder.

    Raises:
        StartError: the folder belongs to another user, or others may write into it.
        OutputError: it cannot be created.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(platformdirs.user_cache_dir("upscaler")) / "engines"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            facts = self.folder.stat()
            if facts.st_uid != os.getuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise StartError(
                    f"others may write into {self.folder}, where engines are kept; "
                    f"chmod go-w it, or delete it"
                )
            self._secret = self._read_secret()
        except OSError as error:
            raise OutputError(f"cannot use the cache {self.folder}: {error.strerror}") from None

    def path(self, key: EngineKey) -> Path:
        """Where an engine lies, or would lie."""
        return self.folder / f"{key.digest}.engine"

    def get(self, key: EngineKey) -> Engine | None:
        """Return the engine for a key, or None if there is none yet.

        Raises:
            EngineDamaged: there is a file, but it is not what was put there.
        """
        try:
            head, _, content = self.path(key).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutputError(f"cannot read {self.path(key)}: {error.strerror}") from None
        try:
            facts: dict[str, Any] = json.loads(head)
            seal, proved = str(facts["seal"]), bool(facts["proved"])
        except (ValueError, KeyError, TypeError):
            raise EngineDamaged(f"{self.path(key)} is damaged") from None
        if not hmac.compare_digest(seal, self._seal(key, content, proved=proved)):
            raise EngineDamaged(f"{self.path(key)} is not what was put there")
        return Engine(content, proved)

    def put(self, key: EngineKey, engine: Engine) -> Path:
        """Store an engine whole or not at all; raises OutputError if it cannot be written."""
        seal = self._seal(key, engine.content, proved=engine.proved)
        facts = {**asdict(key), "proved": engine.proved, "seal": seal}
        content = json.dumps(facts, sort_keys=True).encode() + b"\n" + engine.content
        self._write(self.path(key), content)
        self._reasons(key).unlink(missing_ok=True)  # a new engine is worth a new try
        return self.path(key)

    def drop(self, key: EngineKey) -> None:
        """Forget an engine that does not load."""
        self.path(key).unlink(missing_ok=True)

    def record_failure(self, key: EngineKey, reason: str) -> None:
        """Remember why a key is not worth building; raises OutputError if it cannot be written."""
        self._write(self._reasons(key), reason.encode())

    def recorded_failure(self, key: EngineKey) -> str | None:
        """Return the reason that `record_failure` was told since the last `put`, or None."""
        try:
            return self._reasons(key).read_text(encoding="utf-8", errors="replace")
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
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                raise OutputError(f"cannot lock {path}: {error.strerror}") from None
            yield

    def _reasons(self, key: EngineKey) -> Path:
        return self.folder / f"{key.digest}.given-up"

    def _write(self, path: Path, content: bytes) -> None:
        draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        try:
            _write_through(draft, content)
            draft.replace(path)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from None
        finally:
            draft.unlink(missing_ok=True)

    def _seal(self, key: EngineKey, content: bytes, *, proved: bool) -> str:
        said = json.dumps({**asdict(key), "proved": proved}, sort_keys=True).encode()
        return hmac.new(self._secret, said + b"\n" + content, hashlib.sha256).hexdigest()

    def _read_secret(self) -> bytes:
        """Return the secret; of several processes that make one, the first one's counts."""
        path = self.folder / _SECRET
        if not path.exists():
            draft = path.with_name(f"{_SECRET}.{os.getpid()}.{threading.get_ident()}.tmp")
            try:
                _write_through(draft, secrets.token_bytes(_SECRET_BYTES))
                with suppress(FileExistsError):
                    path.hardlink_to(draft)
            finally:
                draft.unlink(missing_ok=True)
        secret = path.read_bytes()
        if len(secret) != _SECRET_BYTES:
            raise StartError(
                f"{path}, with which engines are sealed, has {len(secret)} bytes instead of "
                f"{_SECRET_BYTES}; delete {self.folder}"
            )
        return secret


def _write_through(path: Path, content: bytes) -> None:
    """Write a file that only this user can read, down to the disk."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
