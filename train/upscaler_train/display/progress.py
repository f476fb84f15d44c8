"""What a person sees of a training: a progress bar, or a plain line now and then; and its log."""

import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch import Tensor

from upscaler_train.display.log import Log
from upscaler_train.training.trainer import LAST, Tick

_BAR_SECONDS, _PLAIN_SECONDS = 0.2, 30.0


class TrainingDisplay:
    """Shows loss, PSNR and the time left on stderr, and keeps the log."""

    def __init__(
        self,
        title: str,
        log: Path,
        step: int = 0,
        conditions: str = "",
        *,
        again: str = "the same command with --resume",
    ) -> None:
        """Prepare to show a training.

        Args:
            step: where it goes on.
            conditions: on what it runs and how, said when it begins.
            again: what resumes it if it is interrupted, in words.
        """
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn(title),
            BarColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=1.0, facts="")
        self._log, self._again = Log(log, step), again
        self._checkpoint = log.with_name(LAST)
        self._title, self._conditions = title, conditions
        self._val, self._said = "", 0.0
        self._losses: list[Tensor] = []
        self._began: tuple[float, float] | None = None

    def __enter__(self) -> Self:
        if self._conditions:
            self._console.print(
                f"{self._title} on {self._conditions}", highlight=False, soft_wrap=True
            )
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self._log.close()
        interrupted = error is not None and not isinstance(error, Exception)  # Ctrl-C or SIGTERM
        if interrupted and self._checkpoint.exists():
            self._console.print(f"saved; {self._again} goes on from here")

    def __call__(self, tick: Tick) -> None:
        """Show one step, if it is time for it."""
        self._losses.append(tick.loss)
        self._log.add(tick)
        if tick.val is not None:
            self._val = f"val {tick.val.psnr_y:.3f} dB  "
        interval = _BAR_SECONDS if self._console.is_terminal else _PLAIN_SECONDS
        left = self._left(tick.share)
        if time.monotonic() - self._said >= interval or tick.share == 1:
            self._said = time.monotonic()
            loss = torch.stack(self._losses).mean().item()
            self._losses = []
            self._show(tick, f"step {tick.progress.step}  loss {loss:.5f}  {self._val}left {left}")

    def _show(self, tick: Tick, facts: str) -> None:
        self._bar.update(self._task, completed=tick.share, facts=facts)
        if not self._console.is_terminal:
            self._console.print(f"{tick.share:6.1%}  {facts}", highlight=False)

    def _left(self, share: float) -> str:
        now = time.monotonic()
        began, first = self._began = self._began or (now, share)
        if share <= first:
            return "?"
        return str(timedelta(seconds=round((now - began) * (1 - share) / (share - first))))
