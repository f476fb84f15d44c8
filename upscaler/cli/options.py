"""The options that several commands share."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from upscaler.models import DEFAULT_MODEL, DEFAULT_SCALE

if TYPE_CHECKING:
    from upscaler.batch.plan.listing import Shard

MODEL = click.option(
    "-m",
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    metavar="NAME|PATH",
    help="A packaged model, or any ONNX file that enlarges RGB pictures.",
)


class GivenPath(click.Path):
    """A path; an empty one, mostly an unset variable of a script, must not mean the folder here."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Return the path."""
        if not os.fspath(value):
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class Factor(click.ParamType[float]):
    """How many times larger, also by a fraction."""

    name = "factor"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the factor."""
        try:
            factor = float(str(value))
        except ValueError:
            factor = 0.0
        if not 1 <= factor < math.inf:
            self.fail(f"{value!r} is not how many times larger, such as 2 or 1.5", param, ctx)
        return factor


class Seconds(click.ParamType[float]):
    """A time, also a fraction of a second."""

    name = "seconds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds."""
        try:
            seconds = float(str(value))
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < math.inf:
            self.fail(f"{value!r} is no number of seconds above 0, such as 30", param, ctx)
        return seconds


class Scale(click.ParamType[int]):
    """How many times larger: a whole number, however it is written."""

    name = "scale"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the scale as an int."""
        try:
            scale = float(str(value))
        except ValueError:
            scale = 0.0
        if scale < 1 or not scale.is_integer():
            self.fail(f"{value!r} is not a whole number of times, such as 2 or 4", param, ctx)
        return int(scale)


SCALE = click.option(
    "-s",
    "--scale",
    type=Scale(),
    metavar="N",
    default=DEFAULT_SCALE,
    show_default=True,
    help="How many times larger.",
)
RESTORE = click.option(
    "--restore",
    type=float,
    metavar="0..1",
    help="How much damage by JPEG and noise is undone: 0 is balanced, 1 is photo.",
)
RUNTIME = click.option(
    "-r",
    "--runtime",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="A name of `upscaler doctor`; auto takes the first that proves itself here.",
)
PRECISION = click.option(
    "-p",
    "--precision",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="fp32, fp16, bf16 or int8; auto takes the fastest that loses at most 0.02 dB.",
)


class DeviceList(click.ParamType[tuple[int, ...]]):
    """Numbers of GPUs, separated by commas."""

    name = "devices"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return the numbers, each once."""
        if isinstance(value, tuple):
            return value
        numbers = str(value).split(",")
        if not all(number.strip().isdecimal() for number in numbers):
            self.fail(f"{value!r} is not a list of GPUs, such as 0 or 0,1", param, ctx)
        return tuple(dict.fromkeys(int(number) for number in numbers))


DEVICE = click.option(
    "--device",
    "devices",
    type=DeviceList(),
    default=(),
    metavar="LIST",
    help="GPUs that share the work, such as 0,1; the first one by default.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Results on stdout as JSON Lines.")


class Size(click.ParamType[int]):
    """A number of bytes: `500M`, `2G`."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the bytes."""
        number, unit = str(value)[:-1], str(value)[-1:].upper()
        try:
            size = float(number) * _UNITS[unit]
        except (ValueError, KeyError):
            size = 0.0
        if not 0 < size < math.inf:
            self.fail(f"{value!r} is not a size, such as 500M or 2G", param, ctx)
        return int(size)


_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

MEMORY = click.option(
    "--memory",
    type=Size(),
    metavar="SIZE",
    help="What the pictures in flight may fill, such as 2G  [a quarter of the memory]",
)


class TileSize(click.ParamType[int | str | None]):
    """A number of pixels, `auto` or `none`."""

    name = "tile"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str | None:
        """Return the number, "auto", or None for `none`."""
        if value in ("auto", None):
            return "auto"
        if value == "none":
            return None
        if str(value).isdecimal() and int(str(value)) > 0:
            return int(str(value))
        self.fail(f"{value!r} is not a number of pixels above 0, auto or none", param, ctx)
        return None


class ShardNumber(click.ParamType["Shard"]):
    """`I/N`: the I-th of N parts."""

    name = "shard"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Shard":
        """Return the part."""
        from upscaler.batch.plan.listing import Shard

        number, _, count = str(value).partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            self.fail(f"{value!r} is not a part of several, such as 1/4 or 4/4", param, ctx)
        return Shard(int(number), int(count))
