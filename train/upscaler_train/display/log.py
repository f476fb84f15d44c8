"""A training's log: a JSON line for each look at the validation pictures, and TensorBoard."""

import json
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from upscaler_train.training.trainer import Tick


class Log:
    """Writes `path`, and beside it a folder `tensorboard` (`tensorboard --logdir runs/`).

    The loss of a line is the mean since the line before, or since the training was resumed.
    """

    def __init__(self, path: Path, step: int = 0) -> None:
        """What lies beyond `step`, where the training goes on, is dropped from the file."""
        self._path = path
        kept = [row for row in read_log(path) if row["step"] <= step]
        if path.exists():
            path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        self._losses: list[Tensor] = []
        self._board: SummaryWriter | None = None

    def add(self, tick: Tick) -> None:
        """Take note of one step; write when the validation pictures were looked at."""
        self._losses.append(tick.loss)
        if tick.val is None:
            return
        scalars = {
            "learning_rate": tick.rate,
            "loss": torch.stack(self._losses).mean().item(),
            "val_mse": tick.val.mse,
            "val_psnr_y": tick.val.psnr_y,
        }
        self._losses = []
        self._write(tick, scalars)

    def _write(self, tick: Tick, scalars: dict[str, float]) -> None:
        step, seconds = tick.progress.step, round(tick.progress.seconds, 1)
        row = {"step": step, "epoch": round(tick.epoch, 3), "seconds": seconds, **scalars}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self._board = self._board or SummaryWriter(str(self._path.parent / "tensorboard"))
        for name, value in scalars.items():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still in memory."""
        if self._board is not None:
            self._board.close()


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the lines of a log; one that a kill left unfinished is passed over."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            rows.append(json.loads(line))
    return rows
