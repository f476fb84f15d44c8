"""Before and after of one picture, in a terminal that shows pictures."""

import base64
import io
import os
import sys
from collections.abc import Callable, Mapping

from PIL import Image

from upscaler.batch.plan.jobs import Job, Plan
from upscaler.batch.report import Status, Summary
from upscaler.cli.printable import columns_of
from upscaler.errors import ImageError
from upscaler.images import LARGEST, image_from, open_picture, picture_size, set_for_process
from upscaler.page.tryout import most_detail

_WIDEST, _GAP = 800, 8
"""Pixels of both parts together, and between them."""

_COLUMN = 8
"""Pixels of a column, or fewer than it has: what is too wide would be cut off."""

_LARGEST_SHOWN = 32_000_000
"""Pixels of an output that is shown; to read more would take too much memory for a glance."""

_CHUNK = 4096
"""Letters that kitty takes at once."""

_TERMINALS_WITHIN = ("TMUX", "STY", "ZELLIJ")
"""Set by programs that do not pass pictures on to the terminal around them."""


def show_before_after(plan: Plan, summary: Summary) -> None:
    """Show the part with the most detail of the one picture of a run, where a terminal can.

    On the left is the input, enlarged by bicubic; on the right the output, pixel by pixel.
    """
    escaped, columns = protocol_of(os.environ), columns_of(sys.stdout)
    made_one = plan.size == 1 and summary.counts[Status.DONE] == 1
    if not (made_one and escaped and columns and sys.stderr.isatty()):
        return
    try:
        shown = _side_by_side(plan.jobs[0], min(_WIDEST, columns * _COLUMN))
    except ImageError:  # somebody has moved one of the two; the run itself was well
        return
    if shown is not None:
        sys.stdout.write(f"before, by bicubic, and after:\n{escaped(shown)}\n")
        sys.stdout.flush()


def protocol_of(environment: Mapping[str, str]) -> Callable[[Image.Image], str] | None:
    """Return what turns a picture into text for a terminal; None if it may show none."""
    if any(environment.get(name) for name in _TERMINALS_WITHIN):
        return None
    terminal, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if terminal in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return _for_kitty
    if program in ("iTerm.app", "WezTerm"):
        return _for_iterm
    # not beside another program's name: what is started from kitty inherits its number
    return _for_kitty if environment.get("KITTY_WINDOW_ID") and not program else None


def _for_kitty(image: Image.Image) -> str:
    data, parts = _encoded(image, "PNG"), []
    for start in range(0, len(data), _CHUNK):
        first = "" if start else "a=T,f=100,q=2,"  # q=2: no answer
        more = int(start + _CHUNK < len(data))
        parts.append(f"\x1b_G{first}m={more};{data[start : start + _CHUNK]}\x1b\\")
    return "".join(parts)


def _for_iterm(image: Image.Image) -> str:
    # JPEG, as iTerm2 takes no more than 1 MB
    data = _encoded(image, "JPEG", quality=92, subsampling=0)
    return f"\x1b]1337;File=inline=1:{data}\a"


def _encoded(image: Image.Image, kind: str, **options: int) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


def _side_by_side(job: Job, width: int) -> Image.Image | None:
    """Return the same part of input and output; None if the output is too large to look at."""
    set_for_process(LARGEST)  # outputs are larger than inputs
    if picture_size(job.target, LARGEST).pixels > _LARGEST_SHOWN:
        return None
    before, after = open_picture(job.source, LARGEST), open_picture(job.target, LARGEST)
    across, down = after.width / before.width, after.height / before.height
    side = max(1, int((width - _GAP) // 2 / max(across, down)))
    left, top, wide, high = most_detail(before, side)
    size = max(1, round(wide * across)), max(1, round(high * down))
    right = size[0] + _GAP
    sheet = Image.new("RGB", (right + size[0], size[1]), "grey")
    for start, picture, x, y in ((0, before, 1.0, 1.0), (right, after, across, down)):
        box = (left * x, top * y, (left + wide) * x, (top + high) * y)
        part = image_from(picture).resize(size, Image.Resampling.BICUBIC, box).convert("RGBA")
        sheet.paste(part, (start, 0), part)
    return sheet
