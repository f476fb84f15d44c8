"""What a file costs, learned from those that are done: so much a pixel, and something a file."""

import math

from upscaler.batch.run.clock import Clock

_LIKELY = 8_000
"""Input pixels that usually take as long as what has to be done for a file of any size."""

_CANDIDATES = [_LIKELY * 2**power for power in range(-3, 5)]

_TO_WRITE = 0.08
"""Share of the work on a file that writing it usually is."""

_MOST_BEFORE = 0.2
"""Share of the work on a file that reading it may be, as long as nothing else is known."""


class Cost:
    """What a file costs, in input pixels.

    To open, encode and sync a file takes some time even where it is tiny. How many pixels take as
    long is what makes the files that are done cost the most nearly the same a pixel.
    """

    def __init__(self) -> None:
        self.a_file = _LIKELY
        """How many pixels take as long as what is done for a file of any size."""
        self._count = 0
        self._sums = dict.fromkeys(_CANDIDATES, (0.0, 0.0))
        self._seconds = 0.0
        self._pixels, self._to_write = float(_LIKELY), _LIKELY * _TO_WRITE

    def learn(self, pixels: int, clock: Clock) -> None:
        """Take a file that is done into account."""
        took = sum(clock.stages.values())
        if not took:
            return
        self._count += 1
        for candidate, (first, second) in self._sums.items():
            rate = took / (pixels + candidate)
            self._sums[candidate] = first + rate, second + rate**2
        self.a_file = min(_CANDIDATES, key=self._unlikeliness)
        self._seconds += took
        self._pixels += pixels
        self._to_write += pixels * clock.stages["write"] / took

    def share_done(self, pixels: int, clock: Clock, tiles_done: float) -> float:
        """Return how much of the work on a file is done, from 0 to 1.

        Args:
            pixels: of the input.
            tiles_done: which part of its tiles, from 0 to 1.
        """
        before, network = clock.stages["read"] + clock.stages["look"], clock.stages["infer"]
        if tiles_done:
            whole = (before + network / tiles_done) / (1 - self._to_write / self._pixels)
            return min((before + network) / whole, 1.0) if whole else 0.0
        usual = self._seconds / (self._pixels + self._count * self.a_file) * (pixels + self.a_file)
        return min(before / usual, _MOST_BEFORE) if usual else 0.0

    def _unlikeliness(self, candidate: int) -> float:
        """Return how badly a candidate explains what was seen, and how far from usual it is."""
        first, second = self._sums[candidate]
        mean = first / self._count
        spread = max(second / self._count / mean**2 - 1, 1e-3)
        return self._count * math.log(spread) + math.log2(candidate / _LIKELY) ** 2
