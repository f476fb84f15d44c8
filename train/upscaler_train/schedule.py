"""Where a training stands in its budget, and what follows from that for the learning rate."""

import math
import time

from upscaler_train.checkpoint import Progress
from upscaler_train.recipe import Schedule


class Clock:
    """Counts steps and training time, also across a resume."""

    def __init__(self, schedule: Schedule, start: Progress) -> None:
        self._schedule = schedule
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
        if self._schedule.steps:
            return min(self.step / self._schedule.steps, 1.0)
        return min(self.seconds / (60 * self._schedule.minutes), 1.0)


def learning_rate(schedule: Schedule, step: int, share: float) -> float:
    """Linear warm-up over the first steps, then half a cosine from the peak to zero."""
    warm = min((step + 1) / schedule.warmup, 1.0) if schedule.warmup else 1.0
    return schedule.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * share))
