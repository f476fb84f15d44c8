"""The run behind the page: `upscaler run` itself, in a process of its own, as a terminal has it.

It goes on whatever becomes of the page. To pause is to stop it, as Ctrl-C does; to go on is to
start it again: its journal knows what is done.
"""

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from upscaler.hardware import system

_LINES = 8
"""Of what it said last."""

_LONGEST = 1 << 20
"""Bytes of a line, which holds a file's name and its warnings."""


class Runner:
    """One run at a time, and what it has told.

    Args:
        source, output: the folders.
    """

    def __init__(self, source: Path, output: Path) -> None:
        self._folders = [str(source.absolute()), str(output.absolute())]
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._began = self._ended = 0.0
        self.events: list[dict[str, Any]] = []
        """Of each file that has ended, as `run --json` prints it; of the last run."""
        self.said: deque[str] = deque(maxlen=_LINES)
        """The last lines of what is said beside that."""
        self.number = 0
        """Which run it is, from 1."""
        self.stopping = False

    @property
    def is_running(self) -> bool:
        """Whether it works, or is about to end."""
        return self._reading is not None and not self._reading.done()

    @property
    def seconds(self) -> float:
        """Since it began, until it ended."""
        return (time.monotonic() if self.is_running else self._ended) - self._began

    async def start(self, options: Sequence[str]) -> None:
        """Begin, or go on; nothing happens if it runs.

        Args:
            options: of `upscaler run`.
        """
        async with self._starting:  # two browsers may ask at once
            if not self.is_running:
                await self._start(options)

    async def _start(self, options: Sequence[str]) -> None:
        self.events, self.stopping = [], False
        self.said.clear()
        self.number += 1
        self._began = time.monotonic()
        command = [sys.executable, "-m", "upscaler", "run", *self._folders, "--json", *options]
        pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        # a session of its own: Ctrl-C in the terminal comes by `stop` alone, as the second one
        # that a run hears ends it at once
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=none,
            stdout=pipe,
            stderr=pipe,
            limit=_LONGEST,
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    def stop(self) -> None:
        """Have it end in order: what is finished is kept."""
        if self.is_running and self._process and self._process.returncode is None:
            self.stopping = True
            system.stop(self._process)

    async def close(self) -> None:
        """Stop it and wait until it has ended."""
        self.stop()
        if self._reading:
            await self._reading

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout and process.stderr
        await asyncio.gather(self._results(process.stdout), self._words(process.stderr))
        await process.wait()
        self._ended = time.monotonic()

    async def _results(self, lines: asyncio.StreamReader) -> None:
        async for line in lines:
            record = json.loads(line)
            if record["event"] == "file":
                self.events.append(record)

    async def _words(self, lines: asyncio.StreamReader) -> None:
        async for line in lines:
            self.said.append(line.decode(errors="replace").strip())
