"""What a format cannot hold leaves the picture before the work, with a warning."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscaler.errors import ImageError
from upscaler.images.formats import FORMATS, Format
from upscaler.images.icc import is_of_grey, of_other_kind
from upscaler.images.picture import Picture

_WORDS = {"icc": "ICC profile", "exif": "EXIF", "xmp": "XMP", "iptc": "IPTC"}
_WORDS |= {"dpi": "resolution", "text": "text"}
"""By the field that a format may not hold."""


def fit(picture: Picture, kind: Format) -> Picture:
    """Return what of the picture `kind` can hold; its warnings name the rest.

    Raises:
        ImageError: it is an animation or has pages, and `kind` holds neither.
    """
    _check_several(picture, kind)
    fitting, lost = picture, []
    if picture.is_sixteen_bit and not kind.sixteen_bit:
        fitting = fitting.with_eight_bits()
        lost.append(f"{kind.name} holds 8 bits a channel: reduced from 16")
    if picture.alpha is not None and "alpha" not in kind.holds:
        if picture.alpha_is_data:
            fitting = replace(fitting, alpha=None)
            lost.append(f"{kind.name} has no channel for alpha: dropped")
        else:
            fitting = replace(fitting, colour=_on_white(fitting), alpha=None)
            lost.append(f"{kind.name} has no transparency: laid on white")
    if is_of_grey(picture.icc) and not kind.grey:
        fitting = replace(fitting, icc=of_other_kind(picture.icc or b"") or picture.icc)
    dropped: dict[str, Any] = {}
    for field, words in _WORDS.items():
        value = getattr(fitting, field)
        size = _bytes(value)
        too_long = size > kind.largest.get(field, size)
        no_place = field not in kind.holds or (field == "icc" and is_of_grey(value) > kind.grey)
        no_place |= field == "dpi" and max(value or (0,)) > kind.largest_dpi
        if value and (too_long or no_place):
            dropped[field] = () if field == "text" else None
            length = f" of {size} bytes" if too_long else ""
            lost.append(f"{words}{length} is not written to {kind.name}: dropped")
    following = tuple(fit(other, kind) for other in picture.following)
    lost += [note for other in following for note in other.warnings if note not in lost]
    notes = tuple(note for note in lost if note not in picture.warnings)
    return replace(fitting, **dropped, following=following, warnings=(*picture.warnings, *notes))


def _bytes(value: Any) -> int:
    """Return how long a field is as one piece."""
    if isinstance(value, bytes):
        return len(value)
    if value and isinstance(value[0], tuple):
        return sum(len(keyword) + len(text.encode()) + 3 for keyword, text in value)
    return 0


def _check_several(picture: Picture, kind: Format) -> None:
    if not picture.following:
        return
    there = "pages" if picture.milliseconds is None else "animation"
    if kind.several != there:
        takers = [item.name for item in FORMATS.values() if item.several == there]
        what = "pages" if there == "pages" else "frames"
        raise ImageError(
            f"has {1 + len(picture.following)} {what}, which {kind.name} does not hold; "
            f"use --format {' or '.join(takers)}"
        )


def _on_white(picture: Picture) -> NDArray[Any]:
    assert picture.alpha is not None
    peak = picture.peak
    share = picture.alpha.astype(np.float32) / peak
    mixed = picture.colour * share + peak * (1 - share)
    return np.rint(mixed).astype(picture.colour.dtype)
