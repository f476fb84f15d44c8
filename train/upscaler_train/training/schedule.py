"""Where a training stands in its budget, and what follows from that for the learning rate."""

import math
import time

from upscaler_train.recipe import Schedule
from upscaler_train.training.checkpoint import Progress


class Clock:
    """Counts steps and training time, also across a resume."""

    def __init__(self, schedule: Schedule, start: Progress, epoch: int) -> None:
        """`epoch` is the number of steps in one."""
        self._minutes = schedule.minutes
        self._limits = [n for n in (schedule.steps, schedule.epochs * epoch) if n]
        self.step = start.step
        self._began = time.monotonic() - start.seconds

    @property
    def progress(self) -> Progress:
        """What a checkpoint keeps."""
        return Progress(step=self.step, seconds=self.seconds)

    @property
    def seconds(self) -> float:
        """Time spent training so far."""
        return time.monotonic() - self._began

    @property
    def share(self) -> float:
        """The part of the budget that is used up, 0 to 1."""
        used = [self.step / limit for limit in self._limits]
        if self._minutes:
            used.append(self.seconds / (60 * self._minutes))
        return min(max(used), 1.0)


def learning_rate(schedule: Schedule, step: int, share: float) -> float:
    """Linear warm-up over the first steps; then half a cosine from the peak to zero, or the peak.

    `share` is the part of the budget that is used up, 0 to 1.
    """
    warm = min((step + 1) / schedule.warmup, 1.0) if schedule.warmup else 1.0
    peak = schedule.learning_rate * warm
    return peak if schedule.decay == "constant" else peak * 0.5 * (1 + math.cos(math.pi * share))
