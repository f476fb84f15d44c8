"""What a person sees of a training: a progress bar, or a plain line now and then; and its log."""

import json
import time
from datetime import timedelta
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from upscaler_train.evaluation import Score
from upscaler_train.loop import Tick

_PLAIN_SECONDS = 30.0


class TrainingDisplay:
    """Shows loss, PSNR and the time left on stderr; every check also goes to `log` as JSON."""

    def __init__(
        self, title: str, log: Path, *, again: str = "the same command with --resume"
    ) -> None:
        """`again` says what goes on from an interruption."""
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
        self._log, self._again = log, again
        self._val, self._smooth, self._said = "", 0.0, 0.0
        self._losses: list[float] = []
        self._began: tuple[float, float] | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        if error is not None and not isinstance(error, Exception):  # Ctrl-C or SIGTERM
            self._console.print(f"saved; {self._again} goes on from here")

    def __call__(self, tick: Tick) -> None:
        """Show one step."""
        self._smooth = 0.98 * self._smooth + 0.02 * tick.loss if self._smooth else tick.loss
        self._losses.append(tick.loss)
        if tick.val is not None:
            self._val = f"val {tick.val.psnr_y:.3f} dB  "
            self._write(tick, tick.val)
        facts = (
            f"step {tick.progress.step}  loss {self._smooth:.5f}  {self._val}"
            f"left {self._left(tick.share)}"
        )
        self._bar.update(self._task, completed=tick.share, facts=facts)
        due = time.monotonic() - self._said >= _PLAIN_SECONDS or tick.share == 1
        if not self._console.is_terminal and due:
            self._said = time.monotonic()
            self._console.print(f"{tick.share:6.1%}  {facts}", highlight=False)

    def _left(self, share: float) -> str:
        now = time.monotonic()
        began, first = self._began = self._began or (now, share)
        if share <= first:
            return "?"
        return str(timedelta(seconds=round((now - began) * (1 - share) / (share - first))))

    def _write(self, tick: Tick, val: Score) -> None:
        row = {
            "step": tick.progress.step,
            "epoch": round(tick.epoch, 3),
            "seconds": round(tick.progress.seconds, 1),
            "learning_rate": tick.rate,
            "loss": fmean(self._losses),
            "val_mse": val.mse,
            "val_psnr_y": val.psnr_y,
        }
        self._losses = []
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
