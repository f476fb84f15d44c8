"""What JPEG, noise and blur have done to a picture, read off its pixels.

All of it shows in the frequencies of blocks of 8 x 8 pixels, in which JPEG works, too:

- JPEG rounds them to multiples of whole numbers, which its quality decides. The multiples are still
  there when the picture has been saved in another format, and no other picture has them.
- Noise is as strong in the highest frequencies as in those of the middle, and in every block. Where
  it differs between the channels, it is hardly ever texture.
- Blur leaves nothing in the highest frequencies, not even where there is most to see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 8
"""Side in pixels of the squares that JPEG compresses, each for itself."""

LUMA_STEPS = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""What the frequencies of brightness are divided by at quality 50 (ITU-T T.81, annex K)."""

_BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue, in JPEG."""

_BLACK, _WHITE = 2, 253
"""Beyond, values have been cut off, and tell nothing."""

_QUALITIES = range(5, 97)
"""Beyond, the steps are as small as the rounding to whole pixel values."""

_FIRST_BLOCKS, _MOST_BLOCKS = 48, 256
"""In which JPEG is looked for, and looked for again if it may be there: those with the most detail,
hence the fewest zeros."""

_FEWEST_VALUES = 40
"""Frequencies that are not zero, from which a quality can be told."""

_ROUNDING = 0.4
"""How far a frequency lies from its multiple because pixels are whole numbers, as a sigma."""

_WORST = -3.0
"""What one value can say against a quality at most: somebody may have written on the picture."""

_FIRST_EVIDENCE, _LEAST_EVIDENCE = -0.5, 0.25
"""Mean logarithm of how much likelier the values are as multiples, to look again and to be sure:
JPEG gives 0.5 to 4, other pictures -3 to -2."""

_READABLE = 0.75
"""Part of a block's pixels that are neither black nor white, for noise."""

_SMOOTHEST, _SHOWN = 10, 0.8
"""Percent of the blocks from which noise is read, and how much of it they show: they are those that
happen to have least."""

_LEAST_COLOUR = 1.8
"""Noise of this sigma that differs between channels is noise; clean pictures reach 1.6."""

_SURELY_NOISE = 10.0
"""Noise of brightness of this sigma is noise; below, it is even, too, where it is no texture."""

_EVEN = 0.85
"""The highest frequencies beside the middle ones, in the smoothest blocks: noise has about 1."""

_SOFT = 0.003
"""The same where there is most to see, as powers: blur of 1.2 pixels has 0.0004, sharp pictures
0.006 and more."""

_SEEN = 25.0
"""Power in the middle frequencies there, below which there is nothing to see."""


@dataclass(frozen=True)
class Damage:
    """What a picture has been through."""

    jpeg_quality: int | None = None
    """1 to 100, as libjpeg counts; None if it shows no JPEG."""
    noise: float = 0.0
    """Standard deviation in a channel, of 255; 0 where it may as well be texture."""
    blurred: bool = False
    """Whether nothing in it is sharp."""


def find_damage(windows: Sequence[Floats], jpeg_quality: int | None = None) -> Damage:
    """Say what a picture has been through.

    Args:
        windows: parts of it, float32 (H, W, 1 or 3) in 0..255, each from a row and a column that
            are multiples of BLOCK. Black and white pixels are passed over.
        jpeg_quality: if it is known; looked for if not.
    """
    large = [window for window in windows if min(window.shape[:2]) >= BLOCK]
    if not large:
        return Damage(jpeg_quality)
    planes = [_brightness(window) for window in large]
    masks = [_readable(window) for window in large]
    readable = _joined(masks).mean(axis=(1, 2)) >= _READABLE
    power = _frequencies(_joined(planes)[readable]) ** 2
    differences = [
        _frequencies(_joined([window[..., channel] - window[..., 1] for window in large])[readable])
        for channel in (0, 2)
        if large[0].shape[2] == 3
    ]
    colour = min((_sigma(each**2) / np.sqrt(2) for each in differences), default=0.0)
    quality = _jpeg_quality(planes, masks) if jpeg_quality is None else jpeg_quality
    return Damage(quality, _noise(power, colour), _is_blurred(power))


def steps_of(quality: int) -> NDArray[np.float32]:
    """Return what libjpeg divides the frequencies of brightness by, (8, 8), at a quality."""
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.clip((LUMA_STEPS * percent + 50) // 100, 1, 255).astype(np.float32)


def _waves() -> Floats:
    """Return the waves of the cosine transform in two directions, a row each."""
    index = np.arange(BLOCK)
    waves = np.cos((2 * index + 1) * index[:, None] * np.pi / (2 * BLOCK))
    waves *= np.sqrt(np.where(index[:, None] == 0, 1, 2) / BLOCK)
    return np.kron(waves, waves).astype(np.float32)


_WAVES = _waves()
_COUNT = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)).ravel()
"""How many half waves each has, down and across."""
_LOW = (_COUNT > 0) & (_COUNT < BLOCK)
"""Where JPEG is looked for: higher frequencies are mostly rounded to zero."""
_MIDDLE, _HIGH = (_COUNT >= 3) & (_COUNT <= 6), _COUNT >= 9
_STEPS = np.stack([steps_of(quality).ravel()[_LOW] for quality in _QUALITIES])


def _brightness(window: Floats) -> Floats:
    brightness: Floats = window[..., 0] if window.shape[2] == 1 else np.dot(window, _BRIGHTNESS)
    return brightness


def _readable(window: Floats) -> Floats:
    values: Floats = ((window > _BLACK) & (window < _WHITE)).min(axis=2).astype(np.float32)
    return values


def _joined(planes: Sequence[Floats]) -> Floats:
    """Cut planes (H, W) into blocks (N, 8, 8)."""
    return np.concatenate([_in_blocks(plane) for plane in planes])


def _in_blocks(plane: Floats) -> Floats:
    down, across = (side // BLOCK for side in plane.shape)
    whole = plane[: down * BLOCK, : across * BLOCK]
    return whole.reshape(down, BLOCK, across, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK, BLOCK)


def _frequencies(blocks: Floats) -> Floats:
    """Return what blocks (N, 8, 8) consist of, (N, 64)."""
    found: Floats = blocks.reshape(-1, BLOCK**2) @ _WAVES.T
    return found


def _jpeg_quality(planes: list[Floats], masks: list[Floats]) -> int | None:
    """Try the grid that starts in the corner, then the one that looks most like one."""
    for place in ((0, 0), _likeliest_grid(planes)):
        quality = _quality_on(planes, masks, *place)
        if quality is not None:
            return quality
    return None


def _likeliest_grid(planes: list[Floats]) -> tuple[int, int]:
    """Return the row and the column at which blocks begin whose frequencies are mostly zero."""
    side = 2 * BLOCK
    patches = np.concatenate(
        [
            sliding_window_view(plane, (side, side))[::BLOCK, ::BLOCK].reshape(-1, side, side)
            for plane in planes
            if min(plane.shape) >= side
        ]
        or [np.zeros((0, side, side), np.float32)]
    )
    some = patches[:: max(1, len(patches) // _FIRST_BLOCKS)]

    def zeros(place: tuple[int, int]) -> float:
        blocks = some[:, place[0] : place[0] + BLOCK, place[1] : place[1] + BLOCK]
        return float(np.count_nonzero(np.abs(_frequencies(blocks)) < _ROUNDING))

    return max(product(range(BLOCK), range(BLOCK)), key=zeros)


def _quality_on(planes: list[Floats], masks: list[Floats], top: int, left: int) -> int | None:
    """Return the quality whose multiples the frequencies of the blocks are, if they are any's."""
    blocks = _joined([plane[top:, left:] for plane in planes])
    clear = _joined([mask[top:, left:] for mask in masks]).mean(axis=(1, 2))
    # where every block has a pixel that was cut off, those with the fewest have to do
    blocks = blocks[clear >= min(1.0, *np.sort(clear)[-_FIRST_BLOCKS:][:1])]
    detail = np.argsort(-blocks.var(axis=(1, 2)), kind="stable")[:_MOST_BLOCKS]
    found = np.abs(_frequencies(blocks[detail]))[:, _LOW]
    # blocks that are alike, of a drawing or a gradient, say the same thing but once
    _, different = np.unique(np.rint(found), axis=0, return_index=True)
    values = found[np.sort(different)]
    if _likeliest(values[:_FIRST_BLOCKS], _FIRST_EVIDENCE) is None:
        return None
    return _likeliest(values, _LEAST_EVIDENCE)


def _likeliest(values: Floats, least: float) -> int | None:
    """Return the quality that explains frequencies (N, 35) best, if it does so well enough."""
    best, most = None, -np.inf
    for quality, steps in zip(_QUALITIES, _STEPS, strict=True):
        nearest = np.rint(values / steps)
        telling = (nearest > 0) & (steps > 1)
        if np.count_nonzero(telling) < _FEWEST_VALUES:
            continue
        distance = (values - nearest * steps) / _ROUNDING
        as_multiples = np.log(steps / (_ROUNDING * np.sqrt(2 * np.pi)))
        evidence = np.maximum(as_multiples - distance**2 / 2, _WORST)[telling]
        if evidence.sum() > most and evidence.mean() > least:
            best, most = quality, float(evidence.sum())
    return best


def _sigma(power: Floats) -> float:
    """Return the noise that the smoothest blocks allow for."""
    high = power[:, _HIGH].mean(axis=1)
    return float(np.sqrt(np.percentile(high, _SMOOTHEST)) / _SHOWN) if len(high) else 0.0


def _noise(power: Floats, colour: float) -> float:
    """Return the sigma of noise in a channel.

    Args:
        power: of the frequencies of brightness.
        colour: sigma of what differs between the channels.
    """
    if colour / _SHOWN >= _LEAST_COLOUR:
        return colour
    grey = _sigma(power)
    smooth = power[np.argsort(power[:, _MIDDLE].mean(axis=1))[: max(4, len(power) // 3)]]
    is_even = smooth[:, _HIGH].mean() > _EVEN * smooth[:, _MIDDLE].mean() if len(smooth) else False
    return grey if grey >= _SURELY_NOISE or (is_even and grey >= _LEAST_COLOUR) else 0.0


def _is_blurred(power: Floats) -> bool:
    rich = power[np.argsort(-power[:, _MIDDLE].mean(axis=1))[: max(4, len(power) // 5)]]
    if not len(rich) or rich[:, _MIDDLE].mean() < _SEEN:
        return False
    return bool(rich[:, _HIGH].mean() < _SOFT * rich[:, _MIDDLE].mean())
